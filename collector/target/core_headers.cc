#include "collector/target/core_headers.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>

#include "collector/base/bytes.h"

namespace ec {

namespace {

std::string_view machine_name(uint16_t machine) {
  switch (machine) {
    case EM_386:
      return "x86 (32 bits)";
    case EM_AARCH64:
      return "aarch64";
    case EM_ARM:
      return "ARM (32 bits)";
    case EM_PPC64:
      return "PowerPC (64 bits)";
    case EM_S390:
      return "s390";
    case EM_RISCV:
      return "RISC-V";
    case EM_LOONGARCH:
      return "LoongArch";
    default:
      return {};
  }
}

struct Packed {
  std::string_view magic, name, command;
};
constexpr Packed kPacked[] = {{"\x28\xb5\x2f\xfd", "zstd", "zstd -d"},
                              {"\x1f\x8b", "gzip", "gunzip"},
                              {"\xfd"
                               "7zXZ",
                               "xz", "unxz"},
                              {"\x04\x22\x4d\x18", "lz4", "lz4 -d"},
                              {"BZh", "bzip2", "bunzip2"}};

}  // namespace

Result<CoreHeader> parse_core_header(std::string_view where, std::string_view bytes) {
  auto unsupported = [&](std::string words) { return fail(ErrorCode::kUnsupported, std::string(where), words); };
  for (const Packed& packed : kPacked)
    if (bytes.starts_with(packed.magic))
      return unsupported(fmt::format("compressed with {}; unpack it first: {}", packed.name, packed.command));
  if (!bytes.starts_with(ELFMAG)) return fail(ErrorCode::kMalformed, std::string(where), "not an ELF file");
  if (bytes.size() <= EI_DATA) return fail(ErrorCode::kTruncated, std::string(where), "expected an ELF header");
  if (bytes[EI_CLASS] == ELFCLASS32) return unsupported("of a 32-bit process; only x86-64 cores are read");
  if (bytes[EI_DATA] != ELFDATA2LSB) return unsupported("of a big-endian machine; only x86-64 cores are read");
  auto header = ByteCursor(bytes).read<Elf64_Ehdr>();
  if (!header) return fail(ErrorCode::kTruncated, std::string(where), "expected an ELF header");
  if (header->e_type != ET_CORE) return unsupported("an ELF file, but not a core file");
  if (header->e_machine != EM_X86_64) {
    std::string_view name = machine_name(header->e_machine);
    return unsupported(fmt::format("of another machine, {}; only x86-64 cores are read",
                                   name.empty() ? fmt::format("number {}", header->e_machine) : name));
  }
  if (header->e_phoff < kElfHeaderBytes || header->e_phentsize != kProgramHeaderBytes)
    return fail(ErrorCode::kMalformed, fmt::format("{}+0x20", where), "expected a table of program headers");
  CoreHeader core{header->e_phoff, header->e_phnum, header->e_shoff};
  if (header->e_phnum == PN_XNUM) core.count.reset();
  return core;
}

uint32_t count_from_section(std::string_view bytes) {
  auto section = ByteCursor(bytes).read<Elf64_Shdr>();
  return section ? section->sh_info : 0;
}

CoreLayout parse_core_layout(std::string_view table) {
  CoreLayout layout;
  ByteCursor cursor(table);
  while (auto header = cursor.read<Elf64_Phdr>()) {
    uint64_t end = 0, file_end = 0;
    if (__builtin_add_overflow(header->p_offset, header->p_filesz, &file_end)) continue;
    if (header->p_type == PT_NOTE && layout.notes_bytes == 0) {
      layout.notes_offset = header->p_offset;
      layout.notes_bytes = header->p_filesz;
    } else if (header->p_type == PT_LOAD && header->p_memsz > 0) {
      if (__builtin_add_overflow(header->p_vaddr, header->p_memsz, &end)) continue;
      layout.segments.push_back({header->p_vaddr, end, header->p_offset, std::min(header->p_filesz, header->p_memsz),
                                 (header->p_flags & PF_R) != 0, (header->p_flags & PF_W) != 0,
                                 (header->p_flags & PF_X) != 0});
    } else {
      continue;
    }
    layout.file_bytes = std::max(layout.file_bytes, file_end);
  }
  auto& segments = layout.segments;
  std::stable_sort(segments.begin(), segments.end(),
                   [](const CoreSegment& a, const CoreSegment& b) { return a.begin < b.begin; });
  uint64_t reached = 0;
  std::erase_if(segments, [&](const CoreSegment& segment) {
    bool overlaps = segment.begin < reached;
    if (!overlaps) reached = segment.end;
    return overlaps;
  });
  return layout;
}

}  // namespace ec
