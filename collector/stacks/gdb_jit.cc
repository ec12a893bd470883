#include "collector/stacks/gdb_jit.h"

#include <elf.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_set>

#include "collector/base/bytes.h"

namespace ec {

namespace {

constexpr std::string_view kDescriptor("__jit_debug_descriptor\0", 23);
constexpr uint64_t kMostTableBytes = 256u << 20;  // of symbols, or of their names, of one file
constexpr size_t kMostEntries = 65'536;
constexpr uint64_t kLargestObject = 32u << 20, kMostObjectBytes = 128u << 20;

// struct jit_descriptor and struct jit_code_entry of a 64-bit target.
struct Descriptor {
  uint32_t version, action;
  uint64_t relevant, first;
};
struct Entry {
  uint64_t next, previous, object, size;
};

template <class T>
std::optional<T> read_one(const ReadTarget& read, uint64_t address) {
  T value;
  if (address % 8 != 0 || read(address, &value, sizeof value) != sizeof value) return std::nullopt;
  return value;
}

}  // namespace

std::optional<uint64_t> jit_descriptor_in(const ElfFile& file) {
  if (!file.is_64_bit()) return std::nullopt;
  for (uint32_t type : {SHT_DYNSYM, SHT_SYMTAB}) {
    const ElfSection* table = file.section_of_type(type);
    if (table == nullptr || table->link >= file.sections().size()) continue;
    auto names = file.contents(file.sections()[table->link], kMostTableBytes);
    // Most files do not have the name, and their symbols need not be looked at.
    size_t at = names ? names->find(kDescriptor) : std::string::npos;
    if (at == std::string::npos) continue;
    auto symbols = file.contents(*table, kMostTableBytes);
    if (!symbols) continue;
    ByteCursor cursor(*symbols);
    while (auto symbol = cursor.read<Elf64_Sym>())
      if (symbol->st_name == at && symbol->st_shndx != SHN_UNDEF && symbol->st_value != 0) return symbol->st_value;
  }
  return std::nullopt;
}

JitNames names_in_jit_list(uint64_t descriptor, const ReadTarget& read, const std::vector<uint64_t>& addresses,
                           Deadline deadline) {
  JitNames found;
  auto head = read_one<Descriptor>(read, descriptor);
  if (!head || head->version != 1) return found;
  std::unordered_set<uint64_t> seen;
  uint64_t bytes_left = kMostObjectBytes;
  std::vector<uint64_t> wanted = addresses;
  for (uint64_t at = head->first; at != 0 && !wanted.empty() && !deadline.passed();) {
    if (seen.size() >= kMostEntries || !seen.insert(at).second) break;
    auto entry = read_one<Entry>(read, at);
    if (!entry) break;
    at = entry->next;
    if (entry->size == 0 || entry->size > std::min(kLargestObject, bytes_left)) continue;
    bytes_left -= entry->size;
    std::string bytes(entry->size, '\0');
    if (read(entry->object, bytes.data(), bytes.size()) != bytes.size()) continue;
    auto object = ElfFile::open(ByteSource("an object of the JIT compiler", std::move(bytes)));
    if (!object) continue;
    found.merge(names_in_jit_object(*object, wanted));
    std::erase_if(wanted, [&](uint64_t address) { return found.contains(address); });
  }
  return found;
}

}  // namespace ec
