#include "collector/archive/unpack_start.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <fstream>
#include <iterator>

#include "collector/proc/journal_file.h"

using namespace ec;

namespace {

// "MESSAGE=", 200 times "word ", "end", packed by liblzma 5.4 without a check, as journald does.
const unsigned char kXz[] = {0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x00, 0xff, 0x12, 0xd9, 0x41, 0x02, 0x00,
                             0x21, 0x01, 0x16, 0x00, 0x00, 0x00, 0x74, 0x2f, 0xe5, 0xa3, 0xe0, 0x03, 0xf2, 0x00,
                             0x1c, 0x5d, 0x00, 0x26, 0x91, 0x46, 0xc0, 0xd1, 0x94, 0x57, 0xe4, 0x95, 0xa7, 0x5d,
                             0x4b, 0x45, 0x10, 0x9c, 0xc9, 0x23, 0x39, 0xd8, 0x27, 0x19, 0xf6, 0x5c, 0x0e, 0x9f,
                             0x58, 0xd3, 0x20, 0x00, 0x00, 0x01, 0x30, 0xf3, 0x07, 0x00, 0x00, 0x00, 0x44, 0xc1,
                             0x6c, 0x55, 0xa8, 0x00, 0x0a, 0xfc, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x59, 0x5a};

}  // namespace

TEST_CASE("an xz stream unpacks, whole or its beginning") {
  std::string_view packed(reinterpret_cast<const char*>(kXz), sizeof kXz);
  auto whole = unpack_start(packed, 8192);
  REQUIRE(whole);
  CHECK(whole->size() == 1011);
  CHECK(whole->starts_with("MESSAGE=word word "));
  CHECK(whole->ends_with(" word end"));
  CHECK(unpack_start(packed, 100) == whole->substr(0, 100));
}

TEST_CASE("what is not packed, or cut, gives nothing") {
  std::string_view packed(reinterpret_cast<const char*>(kXz), sizeof kXz);
  CHECK_FALSE(unpack_start("", 100));
  CHECK_FALSE(unpack_start("MESSAGE=plain text is not packed", 100));
  CHECK_FALSE(unpack_start(packed.substr(0, 40), 8192));
}

TEST_CASE("stack traces in a journal are read whole: journald packs what is longer than 512 bytes") {
  std::ifstream file(EC_FIXTURES "/journal-unit/system-and-user.journal", std::ios::binary);
  REQUIRE(file);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  ReadAt read_at = [&bytes](uint64_t offset, void* to, size_t size) {
    if (offset > bytes.size() || bytes.size() - offset < size) return false;
    std::memcpy(to, bytes.data() + offset, size);
    return true;
  };
  for (const JournalUnit& unit : {JournalUnit{"noisy.service", ""}, JournalUnit{"mine.service", "1000"}}) {
    auto entries = newest_entries("x", read_at, unpack_start, unit, 1000);
    REQUIRE(entries);
    size_t traces = 0;
    for (const JournalEntry& entry : *entries) {
      CHECK(entry.message.find("not read") == std::string::npos);
      if (!entry.message.starts_with("Traceback of request ")) continue;
      ++traces;
      CHECK(entry.message.size() >= 2340);
      CHECK(entry.message.find("ValueError: the end of the long message") != std::string::npos);
      CHECK(entry.priority == 3);
      CHECK(entry.identifier == "noisy");
    }
    CHECK(traces == 2);
  }
}
