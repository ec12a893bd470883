#include "collector/runtimes/python_objects.h"

#include <algorithm>
#include <cstring>

namespace ec {

namespace {

constexpr uint64_t kObjectType = 8;                                         // PyObject.ob_type
constexpr uint64_t kBytesSize = 16, kBytesText = 32;                        // PyBytesObject
constexpr uint64_t kStringLength = 16, kStringState = 32;                   // PyASCIIObject
constexpr uint64_t kLongestText = 1024, kLargestTable = uint64_t{1} << 20;  // characters, bytes
constexpr size_t kMostCodes = 200'000;

void append_utf8(std::string& text, uint32_t character) {
  auto put = [&](uint32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (character < 0x80) return put(character);
  if (character < 0x800) {
    put(0xc0 | character >> 6);
  } else if (character < 0x10000) {
    put(0xe0 | character >> 12);
    put(0x80 | (character >> 6 & 0x3f));
  } else {
    put(0xf0 | (character >> 18 & 0x07));
    put(0x80 | (character >> 12 & 0x3f));
    put(0x80 | (character >> 6 & 0x3f));
  }
  put(0x80 | (character & 0x3f));
}

}  // namespace

bool PythonCodes::has_type(uint64_t object, uint64_t type) {
  if (object == 0 || object > UINT64_MAX / 2) return false;
  return type == 0 || memory_.at<uint64_t>(object + kObjectType) == type;
}

std::optional<std::string> PythonCodes::string(uint64_t address) {
  if (!has_type(address, site_.string_type)) return std::nullopt;
  auto length = memory_.at<uint64_t>(address + kStringLength);
  auto state = memory_.at<uint32_t>(address + kStringState);
  if (!length || !state) return std::nullopt;
  // interned:2, kind:3, compact:1, ascii:1; kind is the size of a character.
  uint32_t kind = *state >> 2 & 7;
  bool compact = *state >> 5 & 1, ascii = *state >> 6 & 1;
  if (!compact || (kind != 1 && kind != 2 && kind != 4)) return std::nullopt;
  uint64_t taken = std::min(*length, kLongestText);
  std::string raw(taken * kind, '\0');
  if (!memory_.read_whole(address + (ascii ? site_.layout.ascii_text : site_.layout.wide_text), raw.data(), raw.size()))
    return std::nullopt;
  std::string text;
  for (uint64_t i = 0; i < taken; ++i) {
    uint32_t character = 0;
    std::memcpy(&character, raw.data() + i * kind, kind);
    append_utf8(text, character);
  }
  if (taken < *length) text += "…";
  return text;
}

std::optional<std::string> PythonCodes::bytes(uint64_t address) {
  if (!has_type(address, site_.bytes_type)) return std::nullopt;
  auto size = memory_.at<uint64_t>(address + kBytesSize);
  if (!size || *size > kLargestTable) return std::nullopt;
  std::string content(*size, '\0');
  if (!memory_.read_whole(address + kBytesText, content.data(), content.size())) return std::nullopt;
  return content;
}

std::optional<uint32_t> PythonCodes::at(uint64_t address) {
  if (auto known = by_address_.find(address); known != by_address_.end()) return known->second;
  const PythonLayout& layout = site_.layout;
  if (codes_.size() >= kMostCodes || !has_type(address, site_.code_type)) return std::nullopt;
  auto pointer = [&](uint64_t offset) { return memory_.at<uint64_t>(address + offset).value_or(0); };
  auto file = string(pointer(layout.code_file)), name = string(pointer(layout.code_name));
  auto table = bytes(pointer(layout.code_lines));
  auto first_line = memory_.at<int32_t>(address + layout.code_first_line);
  if (!file || !name || !table || !first_line) return std::nullopt;
  std::optional<std::string> qualified;
  if (layout.code_qualified_name != 0) qualified = string(pointer(layout.code_qualified_name));
  codes_.push_back({std::move(*file), std::move(*name), std::move(qualified).value_or("")});
  lines_.push_back({address + layout.code_instructions, *first_line, std::move(*table)});
  auto index = static_cast<uint32_t>(codes_.size() - 1);
  by_address_.emplace(address, index);
  return index;
}

int PythonCodes::line(uint32_t code, uint64_t instruction) const {
  const Lines& lines = lines_[code];
  int64_t offset;
  if (site_.layout.instruction_is_address) {
    offset = static_cast<int64_t>(instruction - lines.instructions);
  } else {
    offset = int64_t{static_cast<int32_t>(instruction)} * site_.layout.instruction_unit;
  }
  return python_line(site_.layout.lines, lines.table, lines.first_line, offset);
}

}  // namespace ec
