#include "symbolize/symbol_table.h"

#include <elf.h>

#include <algorithm>

#include "collector/base/bytes.h"

namespace ec {

namespace {

constexpr uint64_t kMostSymbols = 4'000'000;
constexpr uint64_t kReadAtOnce = 1u << 20;
constexpr size_t kLongestName = 64 * 1024;
constexpr size_t kMostAliases = 16;
constexpr size_t kMostSteps = 64;  // nesting of functions is shallow; bounds a table of liars

// Type, then binding: smaller is better.
uint8_t rank_of(unsigned type, unsigned binding) {
  unsigned by_type = type == STT_FUNC || type == STT_GNU_IFUNC ? 0 : type == STT_OBJECT ? 1 : 2;
  return static_cast<uint8_t>(by_type * 2 + (binding == STB_LOCAL ? 1 : 0));
}

// $a, $d, $t, $x, optionally followed by ".anything": ELF for the Arm Architecture, mapping symbols; same for RISC-V.
bool is_mapping_symbol(std::string_view name) {
  return name.size() >= 2 && name[0] == '$' && (name.size() == 2 || name[2] == '.' || name[1] == 'x');
}

bool has_mapping_symbols(uint16_t machine) { return machine == EM_ARM || machine == EM_AARCH64 || machine == EM_RISCV; }

size_t leading_underscores(std::string_view name) { return std::min(name.find_first_not_of('_'), name.size()); }

}  // namespace

size_t SymbolTable::add(std::shared_ptr<const ElfFile> file, uint32_t section_type) {
  const ElfSection* section = file->section_of_type(section_type);
  if (section == nullptr || section->link >= file->sections().size() || files_.size() >= 255) return 0;
  const ElfSection& names = file->sections()[section->link];
  if (names.type != SHT_STRTAB) return 0;
  size_t entry_size = file->is_64_bit() ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
  File entry{file, names.offset, names.size, {}};
  if (names.flags & SHF_COMPRESSED) {
    auto unpacked = file->contents(names);
    if (!unpacked) return 0;
    entry.names = std::move(*unpacked);
  }
  files_.push_back(std::move(entry));
  size_t before = entries_.size();
  auto index = static_cast<uint8_t>(files_.size() - 1);
  auto take_all = [&](std::string_view bytes) {
    if (file->is_64_bit())
      take<Elf64_Sym>(files_.back(), index, bytes);
    else
      take<Elf32_Sym>(files_.back(), index, bytes);
  };
  if (section->flags & SHF_COMPRESSED) {
    if (auto bytes = file->contents(*section)) take_all(*bytes);
    return entries_.size() - before;
  }
  uint64_t size = std::min(section->size, kMostSymbols * entry_size);
  if (section->offset < file->source().size())
    entries_.reserve(before + std::min(size, file->source().size() - section->offset) / entry_size);
  std::string bytes;
  uint64_t step = kReadAtOnce / entry_size * entry_size;
  for (uint64_t at = 0; at < size; at += step) {
    if (!file->source().read_some(section->offset + at, std::min(step, size - at), bytes) || bytes.empty()) break;
    take_all(bytes);
  }
  return entries_.size() - before;
}

template <class Symbol>
void SymbolTable::take(const File& file, uint8_t file_index, std::string_view bytes) {
  const std::vector<ElfSection>& sections = file.elf->sections();
  bool mapping_symbols = has_mapping_symbols(file.elf->machine());
  ByteCursor cursor(bytes);
  while (auto symbol = cursor.read<Symbol>()) {
    unsigned type = symbol->st_info & 0xf, binding = symbol->st_info >> 4;
    if (symbol->st_name == 0 || symbol->st_shndx == SHN_UNDEF || symbol->st_shndx == SHN_COMMON) continue;
    bool untyped = type == STT_NOTYPE;
    if (!untyped && type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_OBJECT) continue;
    bool in_section = symbol->st_shndx < sections.size();
    // _end, __bss_start and their like are not functions; absolute symbols and those of linker notes are no addresses.
    if (untyped && (!in_section || !(sections[symbol->st_shndx].flags & SHF_EXECINSTR))) continue;
    if (in_section && !(sections[symbol->st_shndx].flags & SHF_ALLOC)) continue;
    if (symbol->st_shndx >= SHN_LORESERVE && symbol->st_shndx != SHN_XINDEX) continue;
    auto size = static_cast<uint32_t>(std::min<uint64_t>(symbol->st_size, UINT32_MAX));
    entries_.push_back({symbol->st_value, size, symbol->st_name, in_section ? symbol->st_shndx : UINT32_MAX, file_index,
                        rank_of(type, binding), static_cast<uint8_t>(untyped && mapping_symbols),
                        static_cast<uint8_t>(size == 0)});
  }
}

void SymbolTable::sort() {
  last_group_ = SIZE_MAX;
  std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
    if (a.address != b.address) return a.address < b.address;
    if (a.sizeless != b.sizeless) return a.sizeless < b.sizeless;
    if (a.rank != b.rank) return a.rank < b.rank;
    return a.size > b.size;
  });
  // A symbol without size reaches to the next address that has one, within its section.
  uint64_t next = UINT64_MAX;
  for (size_t i = entries_.size(); i-- > 0;) {
    Entry& entry = entries_[i];
    if (i + 1 < entries_.size() && entries_[i + 1].address != entry.address) next = entries_[i + 1].address;
    if (!entry.sizeless) continue;
    const auto& sections = files_[entry.file].elf->sections();
    uint64_t end = entry.address + 1;
    if (entry.section < sections.size()) {
      const ElfSection& section = sections[entry.section];
      if (entry.address >= section.address && entry.address - section.address < section.size)
        end = section.address + section.size;
    }
    end = std::min(end, next);
    if (end > entry.address) entry.size = static_cast<uint32_t>(std::min<uint64_t>(end - entry.address, UINT32_MAX));
  }
}

std::string SymbolTable::name_of(const Entry& entry) const {
  const File& file = files_[entry.file];
  std::string name;
  if (!file.names.empty()) {
    if (entry.name < file.names.size()) {
      std::string_view rest = std::string_view(file.names).substr(entry.name, kLongestName);
      name = rest.substr(0, rest.find('\0'));
    }
  } else if (entry.name < file.names_size) {
    name = file.elf->source().text_at(file.names_offset + entry.name,
                                      std::min<uint64_t>(kLongestName, file.names_size - entry.name));
  }
  if (size_t version = name.find('@'); version != std::string::npos && version > 0) name.resize(version);
  return name;
}

std::optional<FoundSymbol> SymbolTable::best_of(size_t begin, size_t end) const {
  if (begin == last_group_) return last_;
  std::optional<FoundSymbol> best;
  const Entry& first = entries_[begin];
  for (size_t i = begin; i < end && i - begin < kMostAliases; ++i) {
    const Entry& entry = entries_[i];
    if (best && (entry.sizeless != first.sizeless || entry.rank != first.rank || entry.size != first.size)) break;
    std::string name = name_of(entry);
    if (name.empty() || (entry.untyped && is_mapping_symbol(name))) continue;
    if (best) {
      size_t ours = leading_underscores(name), theirs = leading_underscores(best->name);
      if (ours > theirs || (ours == theirs && name.size() <= best->name.size())) continue;
    }
    best = FoundSymbol{std::move(name), entry.address, entry.sizeless ? 0 : entry.size};
  }
  last_group_ = begin;
  last_ = best;
  return best;
}

std::optional<FoundSymbol> SymbolTable::find(uint64_t address) const {
  auto after = std::upper_bound(entries_.begin(), entries_.end(), address,
                                [](uint64_t value, const Entry& entry) { return value < entry.address; });
  auto end = static_cast<size_t>(after - entries_.begin());
  std::optional<FoundSymbol> sizeless;
  for (size_t steps = 0; end > 0 && steps < kMostSteps; ++steps) {
    // The group of symbols at one address, sized ones first.
    uint64_t at = entries_[end - 1].address;
    size_t begin = end;
    while (begin > 0 && entries_[begin - 1].address == at && end - begin < 4096) --begin;
    for (size_t i = begin; i < end; ++i) {
      const Entry& entry = entries_[i];
      if (address - at >= entry.size) continue;
      if (entry.sizeless) {
        if (!sizeless) sizeless = best_of(i, end);
        break;
      }
      if (auto found = best_of(i, end)) return found;
    }
    end = begin;
  }
  return sizeless;
}

}  // namespace ec
