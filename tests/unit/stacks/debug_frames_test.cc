#include "collector/stacks/debug_frames.h"

#include <catch2/catch.hpp>

#include "tests/unit/stacks/image_builder.h"

namespace ec {

namespace {

using test::put;

// def_cfa rsp+8; offset rip at cfa-8.
const std::string kStart("\x0c\x07\x08\x90\x01", 5);

std::string record(const std::string& body, bool wide = false) {
  std::string bytes;
  if (wide) {
    put<uint32_t>(bytes, 0xffffffff);
    put<uint64_t>(bytes, body.size());
  } else {
    put<uint32_t>(bytes, static_cast<uint32_t>(body.size()));
  }
  return bytes + body;
}

std::string cie(int version, bool wide = false, const std::string& augmentation = {}) {
  std::string body;
  if (wide)
    put<uint64_t>(body, UINT64_MAX);
  else
    put<uint32_t>(body, UINT32_MAX);
  body += static_cast<char>(version);
  body += augmentation;
  body += '\0';
  if (version == 4) body += std::string("\x08\x00", 2);
  body += std::string("\x01\x78\x10", 3);  // 1, -8, column 16
  return record(body + kStart, wide);
}

std::string fde(uint64_t cie, uint64_t start, uint64_t size, const std::string& instructions, bool wide = false) {
  std::string body;
  if (wide)
    put<uint64_t>(body, cie);
  else
    put<uint32_t>(body, static_cast<uint32_t>(cie));
  put(body, start);
  put(body, size);
  return record(body + instructions, wide);
}

template <class T>
T at(const DebugFrames& frames, uint64_t address) {
  T value{};
  REQUIRE(frames.read(address, &value, sizeof value));
  return value;
}

std::string bytes_at(const DebugFrames& frames, uint64_t address, size_t count) {
  std::string bytes(count, '\0');
  REQUIRE(frames.read(address, bytes.data(), count));
  return bytes;
}

}  // namespace

TEST_CASE("an entry of .debug_frame comes out in the form of .eh_frame") {
  for (int version : {1, 3, 4})
    for (bool wide : {false, true}) {
      CAPTURE(version, wide);
      std::string section = cie(version, wide);
      section += fde(0, 0x1000, 0x20, "\x44\x0e\x10", wide);
      DebugFrames frames(section);
      auto found = frames.find(0x101f);
      REQUIRE(found);
      CHECK(found->start == 0x1000);
      CHECK(found->size == 0x20);
      uint64_t entry = found->entry;
      uint64_t common = entry + 4 - at<uint32_t>(frames, entry + 4);
      // length; id 0, version 3, "zR", units, column, 1 byte: pcrel | sdata8; instructions
      CHECK(bytes_at(frames, common + 4, 17) ==
            std::string("\0\0\0\0\3zR\0\x01\x78\x10\1\x1c", 13) + kStart.substr(0, 4));
      CHECK(at<uint64_t>(frames, entry + 8) + (entry + 8) == 0x1000);
      CHECK(at<uint64_t>(frames, entry + 16) == 0x20);
      CHECK(bytes_at(frames, entry + 24, 4) == std::string("\0\x44\x0e\x10", 4));
      CHECK(at<uint32_t>(frames, entry) == 24);
    }
}

TEST_CASE("each function is found and no gap, whatever the order") {
  std::string section = cie(4);
  section += fde(0, 0x3000, 0x10, "") + fde(0, 0x1000, 0x10, "");
  uint64_t second = section.size();
  section += cie(1) + fde(second, 0x2000, 0x10, "") + fde(second, 0, 0x100, "");
  DebugFrames frames(section);
  for (uint64_t start : {0x1000, 0x2000, 0x3000}) {
    REQUIRE(frames.find(start));
    CHECK(frames.find(start + 15)->start == start);
    CHECK_FALSE(frames.find(start + 16));
  }
  for (uint64_t address : {uint64_t{0}, uint64_t{0xfff}, UINT64_MAX}) CHECK_FALSE(frames.find(address));
}

TEST_CASE("what is not understood finds nothing") {
  CHECK(DebugFrames("").empty());
  CHECK_FALSE(DebugFrames(cie(3, false, "armcc+") + fde(0, 0x1000, 16, "")).find(0x1000));
  CHECK_FALSE(DebugFrames(cie(2) + fde(0, 0x1000, 16, "")).find(0x1000));
  CHECK_FALSE(DebugFrames(cie(3) + fde(4, 0x1000, 16, "")).find(0x1000));  // its common entry is nowhere
  std::string small = cie(4);
  small[10] = 4;  // bytes of an address
  CHECK_FALSE(DebugFrames(small + fde(0, 0x1000, 16, "")).find(0x1000));
}

TEST_CASE("every damaged byte and every length of .debug_frame is survived") {
  std::string whole = cie(4) + fde(0, 0x1000, 16, "\x44\x0e\x10");
  for (size_t length = 0; length < whole.size(); ++length) DebugFrames(whole.substr(0, length)).find(0x1000);
  for (size_t at = 0; at < whole.size(); ++at)
    for (char value : {'\0', '\x7f', '\x80', '\xff'}) {
      std::string damaged = whole;
      damaged[at] = value;
      DebugFrames frames(damaged);
      if (auto found = frames.find(0x1000)) {
        char word[8];
        for (uint64_t address = found->entry; frames.read(address, word, sizeof word); address += 8) continue;
      }
    }
}

}  // namespace ec
