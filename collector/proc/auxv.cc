#include "collector/proc/auxv.h"

#include <elf.h>

#include "collector/base/bytes.h"

namespace ec {

namespace {

// Types are small: a half of a 64-bit pair read as a type of 32 bits, or two halves as one of 64, are not.
constexpr uint64_t kLargestType = 4095;

template <class Word>
std::optional<Auxv> read_as(std::string_view bytes) {
  Auxv auxv;
  auxv.word_bytes = sizeof(Word);
  ByteCursor cursor(bytes);
  while (true) {
    auto type = cursor.read<Word>();
    auto value = cursor.read<Word>();
    if (!type || !value || *type > kLargestType) return std::nullopt;
    if (*type == AT_NULL) return auxv;
    auxv.entries.push_back({*type, *value});
  }
}

}  // namespace

std::optional<uint64_t> Auxv::value(uint64_t type) const {
  for (const AuxvEntry& entry : entries)
    if (entry.type == type) return entry.value;
  return std::nullopt;
}

Result<Auxv> parse_auxv(std::string_view where, std::string_view bytes) {
  if (bytes.empty()) return Auxv{};
  if (auto wide = read_as<uint64_t>(bytes)) return *wide;
  if (auto narrow = read_as<uint32_t>(bytes); narrow && !narrow->entries.empty()) return *narrow;
  if (bytes.size() % (2 * sizeof(uint32_t)) != 0)
    return fail(ErrorCode::kTruncated, std::string(where), "expected pairs of words up to AT_NULL");
  return fail(ErrorCode::kMalformed, std::string(where) + "+0x0", "expected pairs of words up to AT_NULL");
}

std::string auxv_name(uint64_t type) {
  switch (type) {
    case AT_IGNORE:
      return "AT_IGNORE";
    case AT_EXECFD:
      return "AT_EXECFD";
    case AT_PHDR:
      return "AT_PHDR";
    case AT_PHENT:
      return "AT_PHENT";
    case AT_PHNUM:
      return "AT_PHNUM";
    case AT_PAGESZ:
      return "AT_PAGESZ";
    case AT_BASE:
      return "AT_BASE";
    case AT_FLAGS:
      return "AT_FLAGS";
    case AT_ENTRY:
      return "AT_ENTRY";
    case AT_UID:
      return "AT_UID";
    case AT_EUID:
      return "AT_EUID";
    case AT_GID:
      return "AT_GID";
    case AT_EGID:
      return "AT_EGID";
    case AT_PLATFORM:
      return "AT_PLATFORM";
    case AT_HWCAP:
      return "AT_HWCAP";
    case AT_CLKTCK:
      return "AT_CLKTCK";
    case AT_SECURE:
      return "AT_SECURE";
    case AT_BASE_PLATFORM:
      return "AT_BASE_PLATFORM";
    case AT_RANDOM:
      return "AT_RANDOM";
    case AT_HWCAP2:
      return "AT_HWCAP2";
    case AT_EXECFN:
      return "AT_EXECFN";
    case AT_SYSINFO:
      return "AT_SYSINFO";
    case AT_SYSINFO_EHDR:
      return "AT_SYSINFO_EHDR";
    default:
      return fmt::format("AT_{}", type);
  }
}

}  // namespace ec
