#include "collector/stacks/jit_object.h"

#include <elf.h>

#include <cstring>

#include "collector/base/bytes.h"

namespace ec {

namespace {

constexpr uint64_t kMostBytes = 16u << 20;  // of one section

// Bytes that a relocation of this type fills, and whether with the distance from where they are; 0: of no use here.
struct RelocationForm {
  size_t size = 0;
  bool relative = false;
};

RelocationForm form_of(uint64_t type) {
  switch (type) {
    case R_X86_64_64:
      return {8, false};
    case R_X86_64_32:
    case R_X86_64_32S:
      return {4, false};
    case R_X86_64_PC32:
      return {4, true};
    case R_X86_64_PC64:
      return {8, true};
    default:
      return {};
  }
}

// System V ABI, AMD64 supplement, "Relocation": symbol + addend, less the place where relative. What is undefined or of
// another type (personality routines) stays as it is.
void apply(const ElfFile& object, const ElfSection& relocations, uint64_t address, std::string& bytes) {
  if (relocations.link >= object.sections().size()) return;
  auto table = object.contents(relocations, kMostBytes),
       symbols = object.contents(object.sections()[relocations.link], kMostBytes);
  if (!table || !symbols) return;
  ByteCursor cursor(*table);
  while (auto relocation = cursor.read<Elf64_Rela>()) {
    RelocationForm form = form_of(ELF64_R_TYPE(relocation->r_info));
    if (form.size == 0 || relocation->r_offset > bytes.size() || bytes.size() - relocation->r_offset < form.size)
      continue;
    ByteCursor entry(*symbols);
    entry.skip(ELF64_R_SYM(relocation->r_info) * sizeof(Elf64_Sym));
    auto symbol = entry.read<Elf64_Sym>();
    if (!symbol || symbol->st_shndx == SHN_UNDEF) continue;
    uint64_t value = symbol->st_value + static_cast<uint64_t>(relocation->r_addend);
    if (symbol->st_shndx < object.sections().size()) value += object.sections()[symbol->st_shndx].address;
    if (form.relative) value -= address + relocation->r_offset;
    std::memcpy(bytes.data() + relocation->r_offset, &value, form.size);
  }
}

std::string frames_of(const ElfFile& object, const ElfSection* section, uint64_t address) {
  if (section == nullptr) return {};
  auto bytes = object.contents(*section, kMostBytes);
  if (!bytes) return {};
  auto index = static_cast<uint64_t>(section - object.sections().data());
  if (object.type() == ET_REL)
    for (const ElfSection& each : object.sections())
      if (each.type == SHT_RELA && each.info == index) {
        apply(object, each, address, *bytes);
        break;
      }
  return std::move(*bytes);
}

}  // namespace

std::vector<JitCodeRange> jit_code_ranges(std::string_view headers) {
  constexpr uint64_t kCode = SHF_ALLOC | SHF_EXECINSTR;
  std::vector<JitCodeRange> ranges;
  ByteCursor cursor(headers);
  while (auto header = cursor.read<Elf64_Shdr>()) {
    JitCodeRange range{header->sh_addr, 0};
    if ((header->sh_flags & kCode) == kCode && header->sh_size > 0 && range.begin != 0 &&
        !__builtin_add_overflow(range.begin, header->sh_size, &range.end))
      ranges.push_back(range);
  }
  return ranges;
}

JitFrameInfo jit_frame_info(const ElfFile& object, uint64_t code) {
  JitFrameInfo info;
  if (!object.is_64_bit()) return info;
  const ElfSection* eh_frame = object.section(".eh_frame");
  info.eh_frame_address = eh_frame && eh_frame->address != 0 ? eh_frame->address : code;
  info.eh_frame = frames_of(object, eh_frame, info.eh_frame_address);
  info.debug_frame = frames_of(object, object.section(".debug_frame"), 0);
  return info;
}

}  // namespace ec
