#include "collector/profile/any_profile.h"

#include <catch2/catch.hpp>

#include "collector/profile/folded.h"
#include "collector/profile/gzip.h"
#include "tests/support/profile_text.h"

using namespace ec;
using namespace ec::test;

namespace {

std::string form_of(std::string bytes) {
  auto profile = parse_profile("p", std::move(bytes));
  return profile ? std::string(to_string(profile->form)) : profile.error().message();
}

}  // namespace

TEST_CASE("every form of a profile is told by its bytes, packed or not") {
  const std::pair<const char*, const char*> rows[] = {
      {"go-pprof/heap.pb.gz", "pprof"},
      {"gperftools/cpu.prof", "gperftools CPU profile"},
      {"gperftools/sampled.heap", "heap profile as text"},
      {"gperftools/growth.heap", "heap profile as text"},
      {"go-text/heap.txt", "heap profile as text"},
      {"go-text/mutex.txt", "contention profile as text"},
      {"go-text/block.txt", "contention profile as text"},
      {"go-text/threadcreate.txt", "counted stacks as text"},
      {"go-pprof/goroutine.txt", "counted stacks as text"},
  };
  for (auto& [name, form] : rows) {
    INFO(name);
    std::string bytes = fixture(name);
    CHECK(form_of(bytes) == form);
    CHECK(form_of(gzip(bytes)) == (looks_gzipped(bytes) ? form_of(gzip(bytes)) : form));
  }
  CHECK(form_of("main;work 3\nmain;rest 4\n") == "folded stacks");
  CHECK(form_of("--- threadz 1 ---\n--- Thread 1 (name: a/1) stack: ---\n 0x1\n") == "threadz");
  CHECK(form_of("--- heapz 1 ---\nformat = java\nresolution = bytes\n") == "profile of a JVM as text");
}

TEST_CASE("strings of a profile live as long as it does") {
  auto profile = parse_profile("p", fixture("go-pprof/heap.pb.gz"));
  REQUIRE(profile);
  AnyProfile moved = std::move(*profile);
  CHECK(type_line(moved.owned.profile) ==
        "alloc_objects/count alloc_space/bytes inuse_objects/count inuse_space/bytes");
}

TEST_CASE("what is no profile is told in one line") {
  const std::string expected =
      "p: expected a profile: pprof, gperftools (CPU, heap, growth, contention, threadz), the text of Go's "
      "/debug/pprof "
      "with debug=1, or folded stacks";
  CHECK(form_of("hello world\n") == expected);
  CHECK(form_of("{\"cmdline\": []}") == expected);
  CHECK(form_of("<html>\n") == expected);
  CHECK(form_of("\x1f\x8b broken").starts_with("p"));
  CHECK_FALSE(parse_profile("p", ""));
  CHECK(form_of("a;b 3\nnot folded\n") == "p:2: expected 'FRAME;FRAME;… COUNT'");
}

TEST_CASE("folded stacks are read from the outermost frame, and equal ones add up") {
  auto profile = parse_folded("f", "# a comment\nmain;operator new(unsigned long);brk 3\n\nmain 4\nmain 5\r\n");
  REQUIRE(profile);
  CHECK(sample_lines(profile->profile) ==
        std::vector<std::string>{"3 @ brk, operator new(unsigned long), main", "9 @ main"});
  CHECK(folded_stacks({{{"main", "a;b"}, 2}, {{"main", "a;b"}, 3}, {{"main"}, 1}, {{}, 9}}) == "main 1\nmain;a:b 5\n");
}
