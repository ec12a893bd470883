#include "symbolize/jit_names.h"

#include <elf.h>

#include <algorithm>
#include <optional>
#include <set>

#include "collector/base/bytes.h"
#include "collector/base/text.h"

namespace ec {

namespace {

constexpr size_t kLongestName = 1024;
constexpr uint64_t kMostBytes = 16u << 20;  // of one table of an object

std::optional<uint64_t> take_hex(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  size_t end = std::min(line.find_first_of(" \t"), line.size());
  std::string_view word = line.substr(0, end);
  if (word.starts_with("0x") || word.starts_with("0X")) word.remove_prefix(2);
  line.remove_prefix(end);
  return parse_number<uint64_t>(word, 16);
}

// The addresses of `wanted` in [start, start + size), which it loses to `found`.
void take(std::set<uint64_t>& wanted, uint64_t start, uint64_t size, std::string_view name, JitNames& found) {
  auto at = wanted.lower_bound(start);
  while (at != wanted.end() && *at - start < size) {
    found.emplace(*at, JitName{start, printable_line(name, kLongestName)});
    at = wanted.erase(at);
  }
}

}  // namespace

JitNames names_in_perf_map(std::string_view text, const std::vector<uint64_t>& addresses) {
  JitNames found;
  std::set<uint64_t> wanted(addresses.begin(), addresses.end());
  size_t end = text.rfind('\n');
  while (end != std::string_view::npos && !wanted.empty()) {
    size_t before = end == 0 ? std::string_view::npos : text.rfind('\n', end - 1);
    size_t begin = before == std::string_view::npos ? 0 : before + 1;
    std::string_view line = text.substr(begin, end - begin);
    end = before;
    auto start = take_hex(line), size = take_hex(line);
    line = trim(line);
    if (start && size && !line.empty()) take(wanted, *start, *size, line, found);
  }
  return found;
}

JitNames names_in_jit_object(const ElfFile& object, const std::vector<uint64_t>& addresses) {
  JitNames found;
  std::set<uint64_t> wanted(addresses.begin(), addresses.end());
  const ElfSection* table = object.section_of_type(SHT_SYMTAB);
  if (table == nullptr || !object.is_64_bit() || table->link >= object.sections().size()) return found;
  auto symbols = object.contents(*table, kMostBytes),
       names = object.contents(object.sections()[table->link], kMostBytes);
  if (!symbols || !names) return found;
  ByteCursor cursor(*symbols);
  while (auto symbol = cursor.read<Elf64_Sym>()) {
    if (wanted.empty()) break;
    if (ELF64_ST_TYPE(symbol->st_info) != STT_FUNC || symbol->st_shndx == SHN_UNDEF || symbol->st_name >= names->size())
      continue;
    uint64_t start = symbol->st_value;
    if (object.type() == ET_REL && symbol->st_shndx < object.sections().size())
      start += object.sections()[symbol->st_shndx].address;
    std::string_view name = std::string_view(*names).substr(symbol->st_name, kLongestName);
    name = name.substr(0, name.find('\0'));
    if (!name.empty()) take(wanted, start, symbol->st_size, name, found);
  }
  return found;
}

}  // namespace ec
