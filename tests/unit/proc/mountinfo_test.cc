#include "collector/proc/mountinfo.h"

#include "process_fixture.h"

using namespace ec;

TEST_CASE("mountinfo: mounts of a container, with blanks in names") {
  std::string text = read_fixture("proc-container/mountinfo");
  auto mounts = parse_mountinfo("mountinfo", text);
  REQUIRE(mounts);
  CHECK(mounts->size() == static_cast<size_t>(std::count(text.begin(), text.end(), '\n')));
  CHECK(mounts->front().mount_point == "/");
  CHECK(mounts->front().type == "ext4");
  CHECK(mounts->front().source == "/dev/vda");
  CHECK(mounts->front().device_major == 254);
  CHECK(mounts->back().mount_point == "/srv/a b");
  CHECK((*mounts)[mounts->size() - 2].source == "space tmpfs");
  auto memory =
      std::find_if(mounts->begin(), mounts->end(), [](const MountEntry& m) { return m.super_options == "rw,memory"; });
  REQUIRE(memory != mounts->end());
  CHECK(memory->type == "cgroup");
  CHECK(memory->root == "/");
}

TEST_CASE("mountinfo: optional fields, a root below, an empty source") {
  auto mounts =
      parse_mountinfo("m",
                      "36 35 98:0 /mnt1 /mnt2 rw,noatime shared:1 master:3 - ext3 /dev/root rw,errors=continue\n"
                      "40 36 0:55 / /run rw -  tmpfs none rw\n"
                      "41 36 0:56 / /x rw - tmpfs  rw,size=4k\n"
                      "42 36 0:57 net:[4026532000] /run/netns/a rw - nsfs nsfs rw\n");
  REQUIRE(mounts);
  CHECK((*mounts)[0].root == "/mnt1");
  CHECK((*mounts)[0].propagation == "shared:1 master:3");
  CHECK((*mounts)[0].options == "rw,noatime");
  CHECK((*mounts)[2].source.empty());
  CHECK((*mounts)[2].super_options == "rw,size=4k");
  CHECK((*mounts)[3].root == "net:[4026532000]");
}

TEST_CASE("mountinfo: malformed lines are named by number") {
  const std::string good = "36 35 98:0 / / rw - ext3 /dev/root rw\n";
  for (const char* line :
       {"", "36", "x 35 98:0 / / rw - ext3 a rw", "36 35 98 / / rw - ext3 a rw", "36 35 98:x / / rw - ext3 a rw",
        "36 35 98:0 / / rw ext3 a rw", "36 35 98:0 / /", "36 35 98:0 / / rw -"}) {
    INFO(line);
    auto mounts = parse_mountinfo("/proc/1/mountinfo", good + line + "\n" + good);
    REQUIRE_FALSE(mounts);
    CHECK(mounts.error().where == "/proc/1/mountinfo:2");
  }
}
