#include "collector/proc/maps.h"

#include "process_fixture.h"

using namespace ec;

TEST_CASE("maps: every fixture parses whole") {
  for (const char* name :
       {"proc-postgres/maps", "proc-redis/maps", "proc-java/maps", "proc-nginx-worker/maps", "proc-odd-names/maps"}) {
    INFO(name);
    std::string text = read_fixture(name);
    auto maps = parse_maps(name, text);
    REQUIRE(maps);
    CHECK(maps->size() == static_cast<size_t>(std::count(text.begin(), text.end(), '\n')));
    for (size_t i = 1; i < maps->size(); ++i) CHECK((*maps)[i - 1].end <= (*maps)[i].begin);
  }
}

TEST_CASE("maps: all fields of a line") {
  MapsEntry entry;
  REQUIRE(parse_maps_line("7f903566f000-7f9035670000 r-xs 0001f000 fe:1a 1038                       /usr/lib/a b.so",
                          entry));
  CHECK(entry.begin == 0x7f903566f000);
  CHECK(entry.end == 0x7f9035670000);
  CHECK(entry.readable);
  CHECK_FALSE(entry.writable);
  CHECK(entry.executable);
  CHECK(entry.shared);
  CHECK(entry.offset == 0x1f000);
  CHECK(entry.device_major == 0xfe);
  CHECK(entry.device_minor == 0x1a);
  CHECK(entry.inode == 1038);
  CHECK(entry.name == "/usr/lib/a b.so");
  CHECK_FALSE(entry.deleted);
}

TEST_CASE("maps: deleted files with blanks, parentheses and a newline in their names") {
  auto maps = parse_maps("maps", read_fixture("proc-odd-names/maps"));
  REQUIRE(maps);
  auto has = [&](const std::string& name) {
    return std::count_if(maps->begin(), maps->end(), [&](const MapsEntry& e) { return e.name == name && e.deleted; });
  };
  CHECK(has("/srv/app data (old)/index with spaces (v2).bin") == 1);
  CHECK(has("/srv/app data (old)/line\nbreak.bin") == 1);
  CHECK(has("/memfd:cache one") == 1);
  CHECK(has("/dev/zero") == 1);
  CHECK(std::count_if(maps->begin(), maps->end(), [](const MapsEntry& e) { return e.name == "[stack]"; }) == 1);
  CHECK(std::count_if(maps->begin(), maps->end(), [](const MapsEntry& e) { return e.name.empty(); }) > 0);
}

TEST_CASE("maps: a backslash is not an escape, and anonymous names are no files") {
  MapsEntry entry;
  REQUIRE(parse_maps_line("1000-2000 rw-p 00000000 00:00 0  /tmp/a\\040b", entry));
  CHECK(entry.name == "/tmp/a\\040b");
  REQUIRE(parse_maps_line("1000-2000 rw-p 00000000 00:00 0  [anon:x (deleted)", entry));
  CHECK_FALSE(entry.deleted);
  REQUIRE(parse_maps_line("1000-2000 rw-p 00000000 00:00 0 ", entry));
  CHECK(entry.name.empty());
  REQUIRE(
      parse_maps_line("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]", entry));
  CHECK(entry.name == "[vsyscall]");
}

TEST_CASE("maps: empty for kernel threads and zombies") {
  auto maps = parse_maps("maps", read_fixture("proc-kernel-thread/maps"));
  REQUIRE(maps);
  CHECK(maps->empty());
}

TEST_CASE("maps: malformed lines are named by number") {
  const std::string good = "1000-2000 rw-p 00000000 00:00 0 \n";
  for (const char* line :
       {"", "1000", "1000-2000", "2000-1000 rw-p 00000000 00:00 0", "1000-1000 rw-p 00000000 00:00 0",
        "1000-2000 rwzp 00000000 00:00 0", "1000-2000 rw-q 00000000 00:00 0", "1000-2000 rw-p 00:00 0",
        "1000-2000 rw-p 00000000 0000 0", "1000-2000 rw-p 00000000 00:00 x", "1000-2000 rw-p 00000000 00:00 0/name",
        "-1000-2000 rw-p 00000000 00:00 0", "1000-11112222333344445 rw-p 00000000 00:00 0",
        "1000-2000 rw-p 00000000 00:00"}) {
    INFO(line);
    auto maps = parse_maps("/proc/1/maps", good + line + "\n" + good);
    REQUIRE_FALSE(maps);
    CHECK(maps.error().code == ErrorCode::kMalformed);
    CHECK(maps.error().where == "/proc/1/maps:2");
  }
}
