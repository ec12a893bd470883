#include "symbolize/go_buildinfo.h"

#include <elf.h>

#include <cstring>

#include "collector/base/bytes.h"
#include "collector/base/text.h"

namespace ec {

namespace {

constexpr std::string_view kMagic("\xff Go buildinf:");
constexpr size_t kAlignment = 16, kHeaderBytes = 32, kSentinelBytes = 16;
constexpr uint64_t kLongestVersion = 1024, kLongestModules = 1u << 20;
constexpr uint64_t kSearchedBytes = 1u << 20;  // of the data segment, when there is no section
constexpr uint8_t kBigEndian = 1, kInline = 2;

Error malformed(std::string_view expected) {
  return {ErrorCode::kMalformed, ".go.buildinfo", "expected " + std::string(expected), 0};
}

// A length (unsigned varint) and that many bytes.
std::optional<std::string_view> take_string(ByteCursor& cursor) {
  uint64_t length = 0;
  for (unsigned shift = 0;; shift += 7) {
    auto byte = cursor.read<uint8_t>();
    if (!byte || shift > 56) return std::nullopt;
    length |= static_cast<uint64_t>(*byte & 0x7f) << shift;
    if (!(*byte & 0x80)) break;
  }
  return length <= cursor.remaining() ? cursor.take(static_cast<size_t>(length)) : std::nullopt;
}

std::optional<uint64_t> word_in(std::string_view bytes, size_t size) {
  ByteCursor cursor(bytes);
  if (size == 8) return cursor.read<uint64_t>();
  return cursor.read<uint32_t>();
}

// The Go string whose header (pointer, length) is at `address`.
std::optional<std::string> string_at(const ReadMemory& memory, uint64_t address, size_t pointer_size, uint64_t limit) {
  auto header = address == 0 ? std::nullopt : memory(address, 2 * pointer_size);
  if (!header || header->size() != 2 * pointer_size) return std::nullopt;
  auto text = word_in(*header, pointer_size);
  auto length = word_in(std::string_view(*header).substr(pointer_size), pointer_size);
  if (!text || !length || *length > limit) return std::nullopt;
  if (*length == 0) return "";
  return memory(*text, *length);
}

// The module text stands between two sentinels of 16 bytes.
std::string without_sentinels(std::string_view modules) {
  if (modules.size() < 2 * kSentinelBytes + 1 || modules[modules.size() - kSentinelBytes - 1] != '\n') return {};
  return std::string(modules.substr(kSentinelBytes, modules.size() - 2 * kSentinelBytes));
}

}  // namespace

Result<GoBuildText> parse_go_buildinfo(std::string_view section, const ReadMemory& memory) {
  size_t at = 0;
  while (at + kHeaderBytes <= section.size() && !section.substr(at).starts_with(kMagic)) at += kAlignment;
  if (at + kHeaderBytes > section.size()) return fail(ErrorCode::kNotFound, ".go.buildinfo", "no Go build information");
  auto pointer_size = static_cast<size_t>(static_cast<uint8_t>(section[at + 14]));
  auto flags = static_cast<uint8_t>(section[at + 15]);
  GoBuildText text;
  if (flags & kInline) {
    ByteCursor cursor(section.substr(at + kHeaderBytes));
    auto version = take_string(cursor);
    auto modules = version ? take_string(cursor) : std::nullopt;
    if (!version || !modules || version->size() > kLongestVersion || modules->size() > kLongestModules)
      return tl::unexpected<Error>(malformed("two strings with their lengths"));
    text.version = *version;
    text.modules = without_sentinels(*modules);
    return text;
  }
  if (flags & kBigEndian) return fail(ErrorCode::kUnsupported, ".go.buildinfo", "other byte order");
  if (pointer_size != 4 && pointer_size != 8) return tl::unexpected<Error>(malformed("pointers of 4 or 8 bytes"));
  auto version_at = word_in(section.substr(at + 16), pointer_size);
  auto modules_at = word_in(section.substr(at + 16 + pointer_size), pointer_size);
  auto version = version_at ? string_at(memory, *version_at, pointer_size, kLongestVersion) : std::nullopt;
  if (!version || version->empty()) return tl::unexpected<Error>(malformed("a pointer to the version"));
  text.version = *version;
  if (modules_at)
    text.modules = without_sentinels(string_at(memory, *modules_at, pointer_size, kLongestModules).value_or(""));
  return text;
}

Result<GoBuildText> go_buildinfo(const ElfFile& elf) {
  std::string bytes;
  uint64_t address = 0;
  if (const ElfSection* section = elf.section(".go.buildinfo")) {
    auto contents = elf.contents(*section, kLongestModules + 4096);
    if (!contents) return tl::unexpected<Error>(contents.error());
    bytes = std::move(*contents);
    address = section->address;
  } else {
    for (const ElfSegment& segment : elf.segments()) {
      if (segment.type != PT_LOAD || (segment.flags & (PF_X | PF_W)) != PF_W) continue;
      elf.source().read_some(segment.offset, std::min(segment.file_size, kSearchedBytes), bytes);
      address = segment.address;
      break;
    }
  }
  bool moved = elf.type() == ET_DYN;
  // Pointers of a position-independent executable are 0 in the file: take them from its relocations.
  auto relocate = [&](uint64_t at, std::string& words) {
    for (size_t i = 0; moved && i + 8 <= words.size(); i += 8)
      if (auto value = elf.relocated_value(at + i)) std::memcpy(words.data() + i, &*value, 8);
  };
  if (bytes.size() >= kHeaderBytes && bytes.starts_with(kMagic) && !(static_cast<uint8_t>(bytes[15]) & kInline)) {
    std::string words = bytes.substr(16, 16);
    relocate(address + 16, words);
    bytes.replace(16, 16, words);
  }
  return parse_go_buildinfo(bytes, [&](uint64_t at, uint64_t length) -> std::optional<std::string> {
    auto offset = elf.file_offset(at);
    if (!offset) return std::nullopt;
    auto found = elf.source().read(*offset, length);
    if (!found) return std::nullopt;
    if (length == 16) relocate(at, *found);  // a string header
    return std::move(*found);
  });
}

GoBuildInfo parse_go_modules(std::string_view version, std::string_view modules) {
  GoBuildInfo info;
  version = version.substr(0, version.find(' '));  // "go1.21.0 X:boringcrypto"
  info.version = version.starts_with("go") ? version.substr(2) : version;
  LineCursor lines(".go.buildinfo", modules);
  while (auto line = lines.next()) {
    std::vector<std::string_view> fields = split(*line, '\t');
    if (fields.size() < 2) continue;
    if (fields[0] == "path") {
      info.path = fields[1];
    } else if (fields[0] == "mod") {
      info.module = fields[1];
      if (fields.size() > 2) info.module_version = fields[2];
    } else if (fields[0] == "dep") {
      ++info.dependencies;
    } else if (fields[0] == "build") {
      size_t equals = fields[1].find('=');
      if (equals != std::string_view::npos && info.settings.size() < 200)
        info.settings.emplace(fields[1].substr(0, equals), fields[1].substr(equals + 1));
    }
  }
  return info;
}

}  // namespace ec
