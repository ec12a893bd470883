// Small ELF files made by hand, so that a test shows the symbols beside what is expected of them.
#pragma once

#include <elf.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace ec::test {

struct BuiltSection {
  std::string name;
  uint32_t type = SHT_PROGBITS;
  uint64_t flags = SHF_ALLOC, address = 0;
  std::string bytes;
  uint64_t size = 0;  // of SHT_NOBITS
  uint32_t link = 0;
  uint64_t entry_size = 0;
  uint32_t info = 0;
};

struct BuiltSymbol {
  std::string name;
  uint64_t address = 0, size = 0;
  unsigned type = STT_FUNC, binding = STB_GLOBAL;
  uint16_t section = 1;
};

template <class T>
void append_raw(std::string& bytes, const T& value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

class ElfBuilder {
 public:
  explicit ElfBuilder(uint16_t machine = EM_X86_64, uint16_t type = ET_DYN) : machine_(machine), type_(type) {}

  // Index of the section, from 1.
  uint16_t section(BuiltSection section) {
    sections_.push_back(std::move(section));
    return static_cast<uint16_t>(sections_.size());
  }
  // 64 KiB of code at 0x1000; section 1 when it is the first.
  uint16_t text(uint64_t size = 0x10000) {
    return section({".text", SHT_NOBITS, SHF_ALLOC | SHF_EXECINSTR, 0x1000, {}, size, 0, 0});
  }
  void symbols(const std::vector<BuiltSymbol>& symbols, uint32_t type = SHT_SYMTAB) {
    std::string names(1, '\0'), table(sizeof(Elf64_Sym), '\0');
    for (const BuiltSymbol& symbol : symbols) {
      Elf64_Sym raw{};
      raw.st_name = static_cast<uint32_t>(names.size());
      raw.st_info = static_cast<unsigned char>(symbol.binding << 4 | symbol.type);
      raw.st_shndx = symbol.section;
      raw.st_value = symbol.address;
      raw.st_size = symbol.size;
      append_raw(table, raw);
      names += symbol.name + '\0';
    }
    uint16_t strings = section({type == SHT_SYMTAB ? ".strtab" : ".dynstr", SHT_STRTAB, 0, 0, names, 0, 0, 0});
    section({type == SHT_SYMTAB ? ".symtab" : ".dynsym", type, 0, 0, table, 0, strings, sizeof(Elf64_Sym)});
  }
  void build_id(const std::string& id) {
    std::string note;
    append_raw(note, Elf64_Nhdr{4, static_cast<uint32_t>(id.size()), NT_GNU_BUILD_ID});
    note += std::string("GNU\0", 4) + id;
    section({".note.gnu.build-id", SHT_NOTE, SHF_ALLOC, 0x200, note, 0, 0, 0});
  }

  std::string bytes() const {
    std::string names(1, '\0'), contents;
    std::vector<Elf64_Shdr> headers(1);
    std::memset(&headers[0], 0, sizeof headers[0]);
    auto add = [&](const BuiltSection& section) {
      Elf64_Shdr header{};
      header.sh_name = static_cast<uint32_t>(names.size());
      names += section.name + '\0';
      header.sh_type = section.type;
      header.sh_flags = section.flags;
      header.sh_addr = section.address;
      header.sh_offset = sizeof(Elf64_Ehdr) + contents.size();
      header.sh_size = section.type == SHT_NOBITS ? section.size : section.bytes.size();
      header.sh_link = section.link;
      header.sh_info = section.info;
      header.sh_entsize = section.entry_size;
      contents += section.bytes;
      contents.resize((contents.size() + 15) / 16 * 16);
      headers.push_back(header);
    };
    for (const BuiltSection& section : sections_) add(section);
    BuiltSection own{".shstrtab", SHT_STRTAB, 0, 0, names + ".shstrtab" + '\0', 0, 0, 0};
    add(own);
    headers.back().sh_name = static_cast<uint32_t>(own.bytes.size() - 10);

    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = type_;
    header.e_machine = machine_;
    header.e_version = EV_CURRENT;
    header.e_ehsize = sizeof header;
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_shoff = sizeof header + contents.size();
    header.e_shentsize = sizeof(Elf64_Shdr);
    header.e_shnum = static_cast<uint16_t>(headers.size());
    header.e_shstrndx = static_cast<uint16_t>(headers.size() - 1);
    std::string all;
    append_raw(all, header);
    all += contents;
    for (const Elf64_Shdr& raw : headers) append_raw(all, raw);
    return all;
  }

 private:
  uint16_t machine_, type_;
  std::vector<BuiltSection> sections_;
};

}  // namespace ec::test
