#include "collector/base/open_below.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/support/program.h"

namespace ec {

TEST_CASE("links below another root stay below it") {
  test::TempDir folder;
  std::string root = folder / "root";
  REQUIRE(mkdir(root.c_str(), 0700) == 0);
  REQUIRE(mkdir((root + "/etc").c_str(), 0700) == 0);
  test::write_text(folder / "secret", "of the host");
  test::write_text(root + "/etc/name", "of the container");
  REQUIRE(symlink("/etc/name", (root + "/absolute").c_str()) == 0);
  REQUIRE(symlink((folder / "secret").c_str(), (root + "/out").c_str()) == 0);
  REQUIRE(symlink("../../../../etc/name", (root + "/up").c_str()) == 0);
  CHECK(read_below(root, "/absolute", 100).value_or("?") == "of the container");
  CHECK(read_below(root, "/up", 100).value_or("?") == "of the container");
  CHECK_FALSE(read_below(root, "/out", 100));
  CHECK(read_below("", folder / "secret", 6).value_or("?") == "of the");
  CHECK(read_below(root, "/etc", 100).error().code == ErrorCode::kMalformed);
  REQUIRE(mkfifo((root + "/fifo").c_str(), 0600) == 0);
  CHECK(read_below(root, "/fifo", 100).error().code == ErrorCode::kMalformed);
  CHECK(open_below(root, "/nothing", O_PATH).error().code == ErrorCode::kGone);
}

}  // namespace ec
