// The precompiled header belongs to a target that compiles something with it: test_main.cc cannot.
