// Debug information made by hand, byte by byte, so that a test shows what is wrong with it.
#pragma once

#include <dwarf.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "symbolize/dwarf_image.h"
#include "tests/support/elf_builder.h"

namespace ec::test {

class DwarfBytes {
 public:
  DwarfBytes& u8(unsigned value) { return raw(static_cast<uint8_t>(value)); }
  DwarfBytes& u16(unsigned value) { return raw(static_cast<uint16_t>(value)); }
  DwarfBytes& u32(uint64_t value) { return raw(static_cast<uint32_t>(value)); }
  DwarfBytes& u64(uint64_t value) { return raw(value); }
  DwarfBytes& uleb(uint64_t value) {
    for (; value > 0x7f; value >>= 7) u8(static_cast<unsigned>(value & 0x7f) | 0x80);
    return u8(static_cast<unsigned>(value));
  }
  DwarfBytes& text(const std::string& value) { return bytes(value).u8(0); }
  DwarfBytes& bytes(const std::string& value) {
    bytes_ += value;
    return *this;
  }
  size_t size() const { return bytes_.size(); }
  operator std::string() const { return bytes_; }

 private:
  template <class T>
  DwarfBytes& raw(T value) {
    append_raw(bytes_, value);
    return *this;
  }
  std::string bytes_;
};

struct BuiltAbbrev {
  uint64_t code;
  unsigned tag;
  bool children;
  std::vector<std::pair<unsigned, unsigned>> attributes;  // name, form
};

inline std::string abbrev_table(const std::vector<BuiltAbbrev>& abbrevs) {
  DwarfBytes table;
  for (const BuiltAbbrev& abbrev : abbrevs) {
    table.uleb(abbrev.code).uleb(abbrev.tag).u8(abbrev.children);
    for (auto [name, form] : abbrev.attributes) table.uleb(name).uleb(form);
    table.uleb(0).uleb(0);
  }
  return table.uleb(0);
}

// Bytes of the headers below: references inside a unit count from its header.
constexpr size_t kUnit4Header = 11, kUnit5Header = 12;

// A unit of 64-bit code in the 32-bit format, with its header.
inline std::string unit_4(const std::string& entries, uint32_t abbrevs = 0) {
  return DwarfBytes().u32(7 + entries.size()).u16(4).u32(abbrevs).u8(8).bytes(entries);
}
inline std::string unit_5(const std::string& entries, uint32_t abbrevs = 0) {
  return DwarfBytes().u32(8 + entries.size()).u16(5).u8(DW_UT_compile).u8(8).u32(abbrevs).bytes(entries);
}

inline DwarfImage image_of(const std::string& info, const std::string& abbrevs) {
  DwarfImage image;
  image.info = DwarfSection(info);
  image.abbrev = DwarfSection(abbrevs);
  return image;
}

}  // namespace ec::test
