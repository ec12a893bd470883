// Small ELF images with call frame information, byte by byte.
#pragma once

#include <elf.h>

#include <cstring>
#include <string>
#include <vector>

#include "collector/stacks/elf_image.h"

namespace ec::test {

template <class T>
void put(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// One function of .eh_frame: [start, start + size), CFA = rsp + 8 throughout.
struct Function {
  uint64_t start = 0;
  uint32_t size = 0;
};

struct ImageForm {
  std::vector<Function> functions = {};
  bool with_table = true;         // .eh_frame_hdr with the usual binary search table
  uint8_t table_encoding = 0x3b;  // datarel | sdata4
  uint64_t base = 0x10000;        // address of the only segment, which holds the whole file
  std::string code = {};          // at base + kCodeOffset
  size_t not_in_table = 0;        // so many of the last functions
};
constexpr uint64_t kCodeOffset = 0x1000, kFrameOffset = 0x2000;

// The file has one PT_LOAD of offset 0 and, with_table, PT_GNU_EH_FRAME.
inline std::string build_image(const ImageForm& form) {
  // CIE "zR": pcrel | sdata4; the return address is at CFA - 8.
  std::string frames;
  std::string cie;
  put<uint32_t>(cie, 0);
  cie += std::string("\x01zR\0\x01\x78\x10\x01\x1b\x0c\x07\x08\x90\x01\0\0", 16);
  put<uint32_t>(frames, static_cast<uint32_t>(cie.size()));
  frames += cie;
  std::vector<std::pair<uint64_t, uint64_t>> table;  // start, FDE address
  for (const Function& function : form.functions) {
    uint64_t fde = form.base + kFrameOffset + frames.size();
    table.emplace_back(function.start, fde);
    put<uint32_t>(frames, 16);
    put<uint32_t>(frames, static_cast<uint32_t>(frames.size()));  // back to the CIE at 0
    put<int32_t>(frames, static_cast<int32_t>(function.start - (form.base + kFrameOffset + frames.size())));
    put<uint32_t>(frames, function.size);
    frames += std::string(4, '\0');
  }
  put<uint32_t>(frames, 0);
  table.resize(table.size() - form.not_in_table);

  uint64_t header_offset = kFrameOffset + frames.size();
  header_offset = (header_offset + 3) & ~uint64_t{3};
  std::string header;
  if (form.with_table) {
    uint64_t address = form.base + header_offset;
    header += std::string("\x01\x1b\x03", 3);
    header += static_cast<char>(form.table_encoding);
    put<int32_t>(header, static_cast<int32_t>(form.base + kFrameOffset - (address + 4)));
    put<uint32_t>(header, static_cast<uint32_t>(table.size()));
    for (auto [start, fde] : table) {
      put<int32_t>(header, static_cast<int32_t>(start - address));
      put<int32_t>(header, static_cast<int32_t>(fde - address));
    }
  }

  std::string names("\0.eh_frame\0.shstrtab\0", 21);
  uint64_t names_offset = header_offset + header.size(), sections_offset = names_offset + names.size();
  uint64_t file_size = sections_offset + 3 * sizeof(Elf64_Shdr);

  std::string file(file_size, '\0');
  Elf64_Ehdr elf{};
  std::memcpy(elf.e_ident,
              "\x7f"
              "ELF\x02\x01\x01",
              7);
  elf.e_type = ET_DYN;
  elf.e_machine = EM_X86_64;
  elf.e_phoff = sizeof elf;
  elf.e_phentsize = sizeof(Elf64_Phdr);
  elf.e_phnum = form.with_table ? 2 : 1;
  elf.e_shoff = sections_offset;
  elf.e_shentsize = sizeof(Elf64_Shdr);
  elf.e_shnum = 3;
  elf.e_shstrndx = 2;
  Elf64_Phdr programs[2]{};
  programs[0] = {PT_LOAD, PF_R | PF_X, 0, form.base, form.base, file_size, file_size, 0x1000};
  programs[1] = {PT_GNU_EH_FRAME, PF_R, header_offset, form.base + header_offset, 0, header.size(), header.size(), 4};
  Elf64_Shdr sections[3]{};
  sections[1] = {1, SHT_PROGBITS, SHF_ALLOC, form.base + kFrameOffset, kFrameOffset, frames.size(), 0, 0, 8, 0};
  sections[2] = {11, SHT_STRTAB, 0, 0, names_offset, names.size(), 0, 0, 1, 0};
  std::memcpy(file.data(), &elf, sizeof elf);
  std::memcpy(file.data() + sizeof elf, programs, sizeof programs);
  std::memcpy(file.data() + kCodeOffset, form.code.data(), form.code.size());
  std::memcpy(file.data() + kFrameOffset, frames.data(), frames.size());
  std::memcpy(file.data() + header_offset, header.data(), header.size());
  std::memcpy(file.data() + names_offset, names.data(), names.size());
  std::memcpy(file.data() + sections_offset, sections, sizeof sections);
  return file;
}

}  // namespace ec::test
