#include "collector/analysis/touched_memory.h"

#include <catch2/catch.hpp>

#include "tests/unit/analysis/healthy_snapshot.h"

using namespace ec;
using namespace ec::test;

namespace {

Snapshot touching(const std::vector<std::pair<std::vector<std::string>, uint64_t>>& samples) {
  Snapshot s = healthy();
  CpuProfile profile;
  profile.event = "page-faults", profile.unit = "bytes";
  for (const auto& [functions, bytes] : samples) {
    Stack stack;
    for (const std::string& function : functions) {
      stack.frames.push_back(static_cast<uint32_t>(profile.frames.size()));
      profile.frames.emplace_back().symbol = function;
    }
    profile.spent.push_back({1234, static_cast<uint32_t>(profile.stacks.size()), std::nullopt, 1, bytes});
    profile.stacks.push_back(stack);
  }
  s.page_faults = profile;
  return s;
}

}  // namespace

TEST_CASE("memory is charged to who asked for it, not to the allocator or to memset") {
  auto touched = touched_memory(touching({
      {{"__memset_avx2_unaligned_erms", "keep(int)", "handle()", "main", "__libc_start_call_main"}, 4096},
      {{"_int_malloc", "malloc", "operator new(unsigned long)", "keep(int)", "handle()", "main"}, 8192},
      {{"std::vector<char>::resize(unsigned long)", "load()", "main"}, 4096},
  }));
  CHECK(touched.bytes == 16'384);
  REQUIRE(touched.by_path.size() == 2);
  CHECK(touched.by_path[0].functions == std::vector<std::string>{"keep", "handle", "main"});
  CHECK(touched.by_path[0].bytes == 12'288);
  CHECK(touched.by_path[1].functions.front() == "load");
}

TEST_CASE("samples of no stack, or of a stack that is not there, count as bytes only") {
  auto snapshot = touching({{{"malloc"}, 4096}});
  snapshot.page_faults->spent.push_back({1, std::nullopt, std::nullopt, 1, UINT64_MAX});
  auto touched = touched_memory(snapshot);
  CHECK(touched.by_path.empty());
  CHECK(touched.bytes == 4096 + (int64_t{1} << 50));
  CHECK(touched_memory(healthy()).by_path.empty());
}
