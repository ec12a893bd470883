// Code as JIT compilers make it, without frame pointers, and the ELF object that tells debuggers how to unwind it.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "tests/support/elf_builder.h"

namespace ec::test {

// inner(f): call f.
constexpr std::array<unsigned char, 22> kBareInner{
    0xff, 0x34, 0x24,        // 0: push (%rsp), a second copy of the return address
    0x55,                    // 3: push %rbp
    0x31, 0xed,              // 4: xor %ebp,%ebp
    0x48, 0x83, 0xec, 0x48,  // 6: sub $72,%rsp
    0xff, 0xd7,              // 10: call *%rdi
    0x48, 0x83, 0xc4, 0x48,  // 12: add $72,%rsp
    0x5d,                    // 16: pop %rbp
    0x48, 0x83, 0xc4, 0x08,  // 17: add $8,%rsp
    0xc3};
// outer(f, g): call f with g.
constexpr std::array<unsigned char, 28> kBareOuter{0xff, 0x34, 0x24,        // 0: push (%rsp)
                                                   0x53,                    // 3: push %rbx
                                                   0x31, 0xdb,              // 4: xor %ebx,%ebx
                                                   0x48, 0x83, 0xec, 0x38,  // 6: sub $56,%rsp
                                                   0x48, 0x89, 0xf8,        // 10: mov %rdi,%rax
                                                   0x48, 0x89, 0xf7,        // 13: mov %rsi,%rdi
                                                   0xff, 0xd0,              // 16: call *%rax
                                                   0x48, 0x83, 0xc4, 0x38,  // 18: add $56,%rsp
                                                   0x5b,                    // 22: pop %rbx
                                                   0x48, 0x83, 0xc4, 0x08,  // 23: add $8,%rsp
                                                   0xc3};
constexpr uint64_t kBareOuterAt = 0x40, kBareCodeSize = 0x80, kBareFramesAt = 0x800;

struct BareObject {
  uint64_t code = 0;  // its address; .eh_frame says that it is at code + kBareFramesAt
  uint16_t type = ET_REL;
  bool relocations = false;  // .eh_frame is as the compiler wrote it, with .rela.eh_frame, as in objects of LLVM
  bool debug_frame = false;  // .debug_frame instead, with absolute addresses, as in those of QEMU
  // Of the frames at the calls; the right ones are 96 and 80, below 2^14.
  uint16_t inner_size = 96, outer_size = 80;
};

namespace detail {

// DW_CFA_def_cfa_offset after so many bytes of code.
inline std::string cfa_after(unsigned bytes, uint16_t size) {
  return {static_cast<char>(0x40 | bytes), '\x0e', static_cast<char>(0x80 | (size & 0x7f)),
          static_cast<char>(size >> 7 & 0x7f)};
}
// One entry, padded with DW_CFA_nop.
inline void add_entry(std::string& frames, std::string entry) {
  while (entry.size() % 8 != 4) entry += '\0';
  append_raw(frames, static_cast<uint32_t>(entry.size()));
  frames += entry;
}

}  // namespace detail

// The call frame information of both functions.
inline std::string bare_frames(const BareObject& object) {
  using detail::cfa_after;
  std::string frames, common;
  if (object.debug_frame)
    common = std::string("\xff\xff\xff\xff\x03\0\x01\x78\x10\x0c\x07\x08\x90\x01", 14);
  else
    common = std::string("\0\0\0\0\x01zR\0\x01\x78\x10\x01\x1b\x0c\x07\x08\x90\x01", 18);
  detail::add_entry(frames, common);
  auto function = [&](uint64_t start, uint32_t size, char saved, uint16_t frame, const std::string& behind) {
    std::string entry;
    uint64_t at = frames.size() + 4;
    append_raw(entry, object.debug_frame ? 0 : static_cast<uint32_t>(at));
    if (object.debug_frame) {
      append_raw(entry, object.code + start);
      append_raw(entry, uint64_t{size});
    } else {
      append_raw(entry, object.relocations ? 0 : static_cast<int32_t>(start - (kBareFramesAt + at + 4)));
      append_raw(entry, size);
      entry += '\0';
    }
    entry +=
        cfa_after(3, 16) + cfa_after(1, 24) + static_cast<char>(0x80 | saved) + '\x03' + cfa_after(6, frame) + behind;
    detail::add_entry(frames, entry);
  };
  function(0, kBareInner.size(), 6, object.inner_size, cfa_after(6, 24) + cfa_after(1, 16) + cfa_after(4, 8));
  function(kBareOuterAt, kBareOuter.size(), 3, object.outer_size,
           cfa_after(12, 24) + cfa_after(1, 16) + cfa_after(4, 8));
  if (!object.debug_frame) append_raw(frames, uint32_t{0});
  return frames;
}

// Where the addresses of the functions stand in bare_frames().
inline std::string bare_relocations(const std::string& frames) {
  std::string table;
  uint32_t length;
  for (size_t at = 0; std::memcpy(&length, frames.data() + at, 4), length != 0; at += 4 + length)
    if (at > 0)  // symbol 1 and 2: the functions
      append_raw(table, Elf64_Rela{at + 8, ELF64_R_INFO(table.empty() ? 1ul : 2ul, R_X86_64_PC32), 0});
  return table;
}

inline std::string bare_object(const BareObject& form) {
  ElfBuilder object(EM_X86_64, form.type);
  object.section({".text", SHT_NOBITS, SHF_ALLOC | SHF_EXECINSTR, form.code, {}, kBareCodeSize});
  std::string frames = bare_frames(form);
  if (form.debug_frame)
    object.section({".debug_frame", SHT_PROGBITS, 0, 0, frames});
  else
    object.section({".eh_frame", SHT_PROGBITS, SHF_ALLOC, form.code + kBareFramesAt, frames});
  uint64_t base = form.type == ET_REL ? 0 : form.code;
  object.symbols({{"jit_inner", base, kBareInner.size()}, {"jit_outer", base + kBareOuterAt, kBareOuter.size()}});
  if (form.relocations)
    object.section({".rela.eh_frame", SHT_RELA, 0, 0, bare_relocations(frames), 0, 4, sizeof(Elf64_Rela), 2});
  return object.bytes();
}

}  // namespace ec::test
