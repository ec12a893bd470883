#include "collector/base/directory_entries.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "collector/base/unique_fd.h"

namespace ec {

TEST_CASE("a directory that needs many reads is listed as the library lists it") {
  std::vector<UniqueFd> many;
  for (int i = 0; i < 700; ++i) many.emplace_back(open("/", O_PATH | O_CLOEXEC));
  UniqueFd directory(open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  REQUIRE(directory);
  std::set<std::string> ours, theirs;
  CHECK(each_directory_entry(directory.get(), [&](std::string_view name) { return ours.emplace(name).second; }) == 0);
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) theirs.insert(entry.path().filename());
  CHECK(ours.size() > 700);
  // The library's own descriptor is the one name of difference.
  for (const std::string& name : ours) CHECK(theirs.contains(name));
  CHECK(theirs.size() == ours.size() + 1);
}

TEST_CASE("a visitor ends the listing of a directory") {
  UniqueFd directory(open("/proc/self/task/..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  REQUIRE(directory);
  int seen = 0;
  CHECK(each_directory_entry(directory.get(), [&](std::string_view) { return ++seen < 3; }) == 0);
  CHECK(seen == 3);
}

TEST_CASE("what is no directory gives the errno of the kernel") {
  UniqueFd file(open("/proc/self/stat", O_RDONLY | O_CLOEXEC));
  CHECK(each_directory_entry(file.get(), [](std::string_view) { return true; }) == ENOTDIR);
  CHECK(each_directory_entry(-1, [](std::string_view) { return true; }) == EBADF);
}

}  // namespace ec
