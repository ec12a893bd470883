#include "collector/stacks/gdb_jit.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include "collector/base/bytes.h"
#include "collector/stacks/jit_object.h"

namespace ec {

namespace {

constexpr std::string_view kDescriptor("__jit_debug_descriptor\0", 23);
constexpr uint64_t kMostTableBytes = 256u << 20;  // of symbols, or of their names, of one file
constexpr size_t kMostEntries = 65'536, kMostRanges = 4 * kMostEntries;
constexpr uint64_t kLargestObject = 32u << 20;

// struct jit_descriptor and struct jit_code_entry of a 64-bit target.
struct Descriptor {
  uint32_t version, action;
  uint64_t relevant, first;
};
struct ListEntry {
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

void JitObjects::add_list(uint64_t descriptor, Deadline deadline) {
  auto head = read_one<Descriptor>(read_, descriptor);
  if (!head || head->version != 1) return;
  for (uint64_t at = head->first; at != 0 && !deadline.passed();) {
    if (seen_.size() >= kMostEntries || !seen_.insert(at).second) break;
    auto entry = read_one<ListEntry>(read_, at);
    if (!entry) break;
    at = entry->next;
    add(entry->object, entry->size);
  }
}

void JitObjects::add(uint64_t object, uint64_t size) {
  Elf64_Ehdr header;
  if (size < sizeof header || size > kLargestObject || code_.size() >= kMostRanges) return;
  if (read_(object, &header, sizeof header) != sizeof header) return;
  uint64_t table = uint64_t{header.e_shnum} * sizeof(Elf64_Shdr);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_shentsize != sizeof(Elf64_Shdr) ||
      header.e_shoff > size || table > std::min(size - header.e_shoff, bytes_left_))
    return;
  bytes_left_ -= table;
  std::string headers(table, '\0');
  if (read_(object + header.e_shoff, headers.data(), table) != table) return;
  for (const JitCodeRange& range : jit_code_ranges(headers)) {
    auto behind = code_.upper_bound(range.begin);
    if (behind != code_.begin() && std::prev(behind)->second.end > range.begin) continue;
    uint64_t end = behind == code_.end() ? range.end : std::min(range.end, behind->first);
    code_.emplace_hint(behind, range.begin, Code{end, entries_.size()});
  }
  entries_.push_back({object, size});
}

JitObject* JitObjects::at(uint64_t address) {
  auto behind = code_.upper_bound(address);
  if (behind == code_.begin()) return nullptr;
  const auto& [begin, code] = *std::prev(behind);
  if (address >= code.end) return nullptr;
  Entry& entry = entries_[code.entry];
  if (!entry.sought) entry.object = open(entry, begin);
  entry.sought = true;
  return entry.object.get();
}

std::unique_ptr<JitObject> JitObjects::open(const Entry& entry, uint64_t code) {
  if (entry.size > bytes_left_) return nullptr;
  bytes_left_ -= entry.size;
  std::string bytes(entry.size, '\0');
  if (read_(entry.address, bytes.data(), bytes.size()) != bytes.size()) return nullptr;
  auto file = ElfFile::open(ByteSource("an object of the JIT compiler", std::move(bytes)));
  if (!file) return nullptr;
  JitFrameInfo frames = jit_frame_info(*file, code);
  CfiTable::Extent extent{frames.eh_frame_address, frames.eh_frame.size()};
  std::unique_ptr<JitObject> object(new JitObject{std::move(*file), nullptr, nullptr});
  object->image = ElfImage::of_memory(extent.address, std::move(frames.eh_frame));
  object->cfi =
      std::make_shared<CfiTable>(*object->image, extent, [section = std::move(frames.debug_frame)] { return section; });
  return object;
}

JitNames names_in_jit_objects(JitObjects& objects, const std::vector<uint64_t>& addresses) {
  std::map<JitObject*, std::vector<uint64_t>> asked;
  for (uint64_t address : addresses)
    if (JitObject* object = objects.at(address)) asked[object].push_back(address);
  JitNames found;
  for (const auto& [object, those] : asked) found.merge(names_in_jit_object(object->file, those));
  return found;
}

}  // namespace ec
