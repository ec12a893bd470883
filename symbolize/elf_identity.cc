#include "symbolize/elf_identity.h"

#include <elf.h>

#include <algorithm>
#include <cstring>

namespace ec {

namespace {

constexpr uint64_t kLongestInterpreter = 4096;
constexpr uint64_t kWindow = 1u << 20;
constexpr size_t kLongestText = 200;  // also what two windows share, so that no text is cut
constexpr size_t kMostPlaces = 1000;  // of one needle in one window

std::string machine_name(uint16_t machine) {
  switch (machine) {
    case EM_X86_64:
      return "x86-64";
    case EM_386:
      return "x86";
    case EM_AARCH64:
      return "AArch64";
    case EM_ARM:
      return "ARM";
    case EM_RISCV:
      return "RISC-V";
    case EM_PPC64:
      return "POWER";
    case EM_S390:
      return "S/390";
    default:
      return fmt::format("machine {}", machine);
  }
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

ElfIdentity elf_identity(const ElfFile& elf) {
  ElfIdentity identity;
  identity.build_id = elf.build_id();
  identity.machine = machine_name(elf.machine());
  identity.is_64_bit = elf.is_64_bit();
  identity.position_independent = elf.type() == ET_DYN;
  identity.stripped = elf.section_of_type(SHT_SYMTAB) == nullptr;
  identity.has_debug_info = elf.section(".debug_info") != nullptr || elf.section(".zdebug_info") != nullptr;
  identity.static_linked = true;
  for (const ElfSegment& segment : elf.segments()) {
    if (segment.type != PT_INTERP) continue;
    identity.static_linked = false;
    identity.interpreter = elf.source().text_at(segment.offset, std::min(segment.file_size, kLongestInterpreter));
    break;
  }
  return identity;
}

void find_text_in(std::string_view bytes, uint64_t base_offset, const std::vector<std::string_view>& needles,
                  size_t most_each, std::vector<FoundText>& found) {
  for (std::string_view needle : needles) {
    if (needle.empty()) continue;
    auto of_needle = static_cast<size_t>(std::count_if(
        found.begin(), found.end(), [&](const FoundText& known) { return known.text.starts_with(needle); }));
    const char* at = bytes.data();
    const char* end = bytes.data() + bytes.size();
    for (size_t places = 0; of_needle < most_each && places < kMostPlaces; ++places) {
      at = static_cast<const char*>(::memmem(at, static_cast<size_t>(end - at), needle.data(), needle.size()));
      if (at == nullptr) break;
      const char* stop = at + needle.size();
      if (stop < end && is_digit(*stop)) {
        const char* furthest = at + std::min<size_t>(kLongestText, static_cast<size_t>(end - at));
        while (stop < furthest && *stop >= ' ' && *stop <= '~') ++stop;
        std::string_view text(at, static_cast<size_t>(stop - at));
        bool known =
            std::any_of(found.begin(), found.end(), [&](const FoundText& other) { return other.text == text; });
        if (!known) {
          bool at_start = at > bytes.data() && at[-1] == '\0';
          found.push_back({base_offset + static_cast<uint64_t>(at - bytes.data()), std::string(text), at_start});
          ++of_needle;
        }
      }
      ++at;
    }
  }
}

std::vector<FoundText> find_text(const ElfFile& elf, const std::vector<std::string_view>& needles, uint64_t limit,
                                 size_t most_each) {
  struct Range {
    uint64_t offset, size;
  };
  std::vector<Range> ranges;
  for (const ElfSection& section : elf.sections())
    if (section.type == SHT_PROGBITS && section.name.starts_with(".rodata"))
      ranges.push_back({section.offset, section.size});
  if (ranges.empty())
    for (const ElfSegment& segment : elf.segments())
      if (segment.type == PT_LOAD && !(segment.flags & PF_W)) ranges.push_back({segment.offset, segment.file_size});
  std::vector<FoundText> found;
  std::string window;
  for (const Range& range : ranges) {
    uint64_t size = std::min(range.size, limit);
    limit -= size;
    for (uint64_t at = 0; at < size; at += kWindow) {
      if (!elf.source().read_some(range.offset + at, std::min(kWindow + kLongestText, size - at), window) ||
          window.empty())
        break;
      find_text_in(window, range.offset + at, needles, most_each, found);
    }
  }
  std::stable_partition(found.begin(), found.end(), [](const FoundText& text) { return text.at_start; });
  return found;
}

}  // namespace ec
