module pprof_server

go 1.19
