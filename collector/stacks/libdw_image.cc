#include "collector/stacks/libdw_image.h"

#include <elf.h>

#include <cstring>

namespace ec {

namespace {

constexpr size_t kAlignment = 8;
constexpr uint64_t kPage = 4096;

template <class T>
void put_at(std::string& bytes, uint64_t offset, const T& value) {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}

void align(std::string& bytes) { bytes.resize((bytes.size() + kAlignment - 1) / kAlignment * kAlignment); }

}  // namespace

std::string elf_file_of(const LibdwImage& image) {
  std::string file(sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr), '\0');
  std::string names(1, '\0');
  std::vector<Elf64_Shdr> headers(1);  // the first is the null section
  auto add = [&](const std::string& name, uint32_t type, uint64_t address, std::string_view bytes) {
    Elf64_Shdr header{};
    header.sh_name = static_cast<uint32_t>(names.size());
    header.sh_type = type;
    header.sh_flags = address != 0 ? SHF_ALLOC : 0;
    header.sh_addr = address;
    header.sh_offset = file.size();
    header.sh_size = bytes.size();
    header.sh_addralign = 1;
    headers.push_back(header);
    names.append(name).append(1, '\0');
    file += bytes;
    align(file);
  };
  for (const LibdwImage::Section& section : image.sections)
    add(section.name, SHT_PROGBITS, section.address, section.bytes);
  std::string own_name = ".shstrtab";
  add(own_name, SHT_STRTAB, 0, names + own_name + '\0');

  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_DYN;
  header.e_machine = EM_X86_64;
  header.e_version = EV_CURRENT;
  header.e_phoff = sizeof header;
  header.e_shoff = file.size();
  header.e_ehsize = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 1;
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = static_cast<uint16_t>(headers.size());
  header.e_shstrndx = static_cast<uint16_t>(headers.size() - 1);
  put_at(file, 0, header);
  Elf64_Phdr segment{PT_LOAD, PF_R | PF_X, 0, image.address, image.address, 0, image.size, kPage};
  put_at(file, sizeof header, segment);
  file.append(reinterpret_cast<const char*>(headers.data()), headers.size() * sizeof(Elf64_Shdr));
  return file;
}

}  // namespace ec
