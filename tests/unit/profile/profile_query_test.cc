#include "collector/profile/profile_query.h"

#include <catch2/catch.hpp>

#include "collector/profile/call_tree.h"
#include "collector/profile/profile_report.h"
#include "tests/support/small_profiles.h"

using namespace ec;
using namespace ec::test;

namespace {

using Lines = std::vector<std::string>;

const SmallProfile kCalls = {.samples = {{"main;run;read", {5}},
                                         {"main;run;small|write", {3}},
                                         {"main;fib;fib;fib", {2}},
                                         {"main", {1}, {{"user", "eve"}}}}};

Result<ChosenProfile> choose(const SmallProfile& profile, ProfileQuery query = {}) {
  query.demangle = [](std::string_view name) { return std::string(name == "_Z1fi" ? "f<…>" : name); };
  std::vector<OwnedPprof> profiles;
  profiles.push_back(small_profile(profile));
  return choose_profile(std::move(profiles), {}, query);
}

Lines stacks(const SmallProfile& profile, const ProfileQuery& query) {
  auto chosen = choose(profile, query);
  REQUIRE(chosen);
  return stacks_of(chosen->owned.profile);
}

// "flat cum name" for each function.
Lines functions(const ProfileReport& report) {
  Lines lines;
  for (const ReportNode& node : report.nodes) lines.push_back(fmt::format("{} {} {}", node.flat, node.cum, node.name));
  return lines;
}

}  // namespace

TEST_CASE("samples and frames are chosen by the names in them") {
  CHECK(stacks(kCalls, {.focus = "run"}) == Lines{"main;run;read 5", "main;run;small|write 3"});
  CHECK(stacks(kCalls, {.ignore = "run|^fib$"}) == Lines{"main 1 user=eve"});
  CHECK(stacks(kCalls, {.hide = "run|small"}) ==
        Lines{"main;read 5", "main;write 3", "main;fib;fib;fib 2", "main 1 user=eve"});
  CHECK(stacks(kCalls, {.show = "small|read"}) == Lines{"read 5", "small 3"});
  CHECK(stacks(kCalls, {.focus = "/bin/program", .ignore = "read"}).size() == 3);
  CHECK(stacks(kCalls, {.tag_focus = "user:e.e"}) == Lines{"main 1 user=eve"});
  CHECK(stacks(kCalls, {.tag_ignore = "^user:"}).size() == 3);
}

TEST_CASE("what matches nothing is told, and what is no pattern is refused") {
  auto chosen = choose(kCalls, {.focus = "nobody", .hide = "run"});
  REQUIRE(chosen);
  CHECK(chosen->warnings == Lines{"focus=nobody matched nothing"});
  CHECK(chosen->filters == Lines{"focus=nobody", "hide=run"});
  CHECK(chosen->total == 11);  // of all samples
  CHECK(choose(kCalls, {.focus = "("}).error().message() == "focus: the regular expression is refused: missing ): (");
}

TEST_CASE("frames that the profile calls uninteresting go, and what is below them") {
  SmallProfile profile = kCalls;
  profile.drop = "run|fib";
  profile.samples.push_back({"run;read", {4}});
  CHECK(stacks(profile, {}) == Lines{"main 5", "main 3", "main 2", "main 1 user=eve", "run;read 4"});
  profile.keep = "f.*";
  CHECK(stacks(profile, {})[2] == "main;fib;fib;fib 2");
  profile.drop = "write";
  profile.samples = {{"main;small|write;read", {1}}, {"main;write|small|run;read", {1}}};
  CHECK(stacks(profile, {}) == Lines{"main 1", "main;small|run 1"});
  profile.drop = "(";
  auto chosen = choose(profile);
  REQUIRE(chosen);
  CHECK(stacks_of(chosen->owned.profile).size() == 2);
  REQUIRE(chosen->warnings.size() == 1);
  CHECK(chosen->warnings[0].starts_with("drop_frames of the profile: the regular expression is refused"));
}

TEST_CASE("the value is chosen by name, by number, or as the profile says") {
  SmallProfile profile{.types = {{"objects", "count"}, {"space", "bytes"}, {"delay", "ns"}}};
  auto index = [&](const std::string& wanted) { return choose_sample_type(small_profile(profile).profile, wanted); };
  CHECK(index("").value() == 2);
  CHECK(index("space").value() == 1);
  CHECK(index("inuse_space").value() == 1);
  CHECK(index("0").value() == 0);
  CHECK(index("3").error().message() == "--sample-index: expected 0 to 2, or objects, space, delay");
  CHECK(index("x").error().message() == "--sample-index: expected one of objects, space, delay");
  profile.default_type = "objects";
  CHECK(index("").value() == 0);
}

TEST_CASE("names of the linker become those that people read") {
  CHECK(stacks({.samples = {{"_Z1fi;std::sort<int*>(int*)", {1}}}}, {}) == Lines{"f<…>;std::sort 1"});
  CHECK(without_parameters("a::b(int (*)(char))::c<d<e>>") == "a::b::c");
  CHECK(without_parameters("main.(*T[...]).f") == "main.(*T[...]).f");
  CHECK(without_parameters("Main.<init>(int)") == "Main.<init>(int)");
  CHECK(without_parameters("a::b)(c)") == "a::b)(c)");
  CHECK(without_parameters("a::b(c") == "a::b(c");
}

TEST_CASE("functions count once in a stack, inlined ones too") {
  auto chosen = choose(kCalls);
  REQUIRE(chosen);
  ProfileReport report = report_functions(*chosen, {});
  CHECK(functions(report) == Lines{"5 5 read", "3 3 small", "2 2 fib", "1 11 main", "0 8 run", "0 3 write"});
  CHECK(functions(report_functions(*chosen, {.by_cum = true}))[1] == "0 8 run");
  const ReportNode& fib = report.nodes[2];
  CHECK((fib.callers.size() == 1 && fib.callees.empty()));  // no edge to itself
  CHECK(report.nodes[1].callers.at(0).inlined);
  CHECK(report.name(report.nodes[1].callers.at(0).other) == "write");
}

TEST_CASE("small functions are dropped, and their callers call what they call") {
  auto chosen = choose({.samples = {{"main;thin;heavy", {1000}}, {"main;thin", {1}}, {"main;rare", {2}}}});
  REQUIRE(chosen);
  ProfileReport report = report_functions(*chosen, {.node_count = 2});
  CHECK(functions(report) == Lines{"1000 1000 heavy", "1 1001 thin"});
  CHECK((report.dropped == 1 && report.not_dropped == 3 && report.dropped_below == 5));
  report = report_functions(*chosen, {.by_cum = true, .node_count = 1});
  CHECK(functions(report) == Lines{"0 1003 main"});
  report = report_functions(*chosen, {.node_fraction = 0.9, .unit = "us"});
  CHECK(report.label(1000) == "1us");
}

TEST_CASE("percentages of a difference are of the base") {
  ProfileQuery query{.base_is_total = true, .demangle = [](std::string_view name) { return std::string(name); }};
  std::vector<OwnedPprof> now, base;
  now.push_back(small_profile({.samples = {{"main;a", {50}}, {"main;b", {8}}}}));
  base.push_back(small_profile({.samples = {{"main;a", {10}}}}));
  auto chosen = choose_profile(now, base, query);
  REQUIRE(chosen);
  CHECK(chosen->total == 10);
  CHECK(functions(report_functions(*chosen, {})) == Lines{"40 40 a", "8 8 b", "0 48 main"});
  query.base_is_total = false;
  chosen = choose_profile(now, base, query);
  CHECK(chosen->total == 48);
}

TEST_CASE("a call tree keeps the ways to a function apart") {
  auto chosen = choose(kCalls);
  REQUIRE(chosen);
  CallTree tree = call_tree(*chosen);
  CHECK(tree.nodes[0].total == 11);
  CHECK(tree.nodes.size() == 9);
  int64_t self = 0;
  for (const CallTreeNode& node : tree.nodes) self += node.self;
  CHECK(self == 11);
  CHECK(tree.frames[tree.nodes[1].frame].name == "main");
  CHECK(tree.frames[tree.nodes[1].frame].object_file == "/bin/program");
  CallTree flat = call_tree(*chosen, 2);
  CHECK(flat.nodes[0].total == 11);
  CHECK(flat.nodes.size() == 4);
}
