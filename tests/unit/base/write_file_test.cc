#include "collector/base/write_file.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <csignal>
#include <filesystem>

#include "collector/base/unique_fd.h"
#include "tests/support/program.h"

namespace ec {

namespace {

size_t entries_in(const std::string& directory) {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(directory), {}));
}

}  // namespace

TEST_CASE("a stored file takes the place of the one before, readable by its owner only") {
  test::TempDir place;
  std::string path = place / "file";
  test::write_text(path, "before");
  REQUIRE(store_file(path, "after"));
  CHECK(test::read_text(path) == "after");
  CHECK(entries_in(place.path()) == 1);
  struct stat about {};
  REQUIRE(stat(path.c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0600);
}

TEST_CASE("a file that cannot be stored whole leaves the one before and nothing beside it") {
  test::TempDir place;
  std::string path = place / "file";
  test::write_text(path, "before");
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small{100, before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
  auto stored = store_file(path, std::string(200, 'x'));
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  REQUIRE_FALSE(stored);
  CHECK(stored.error().sys_errno == EFBIG);
  CHECK(stored.error().where == path);
  CHECK(test::read_text(path) == "before");
  CHECK(entries_in(place.path()) == 1);
}

TEST_CASE("a file is not stored in the place of a directory, or where there is none") {
  test::TempDir place;
  CHECK(store_file(place.path(), "x").error().sys_errno == EISDIR);
  CHECK(store_file(place / "none/file", "x").error().code == ErrorCode::kGone);
  CHECK(entries_in(place.path()) == 0);
}

TEST_CASE("what cannot be written tells the kernel's reason") {
  UniqueFd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  REQUIRE(full);
  CHECK(write_all(full.get(), "x") == ENOSPC);
  CHECK(write_all(full.get(), "") == 0);
}

}  // namespace ec
