#include "symbolize/go_pcvalue.h"

#include <elf.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "symbolize/go_table_place.h"

namespace ec {

namespace {

constexpr uint32_t kGo12 = 0xfffffffb, kGo116 = 0xfffffffa, kGo118 = 0xfffffff0, kGo120 = 0xfffffff1;
constexpr uint64_t kMostFunctions = 1'000'000, kLargestTable = 128u << 20;
constexpr size_t kLongestName = 4096, kWord = 8;
constexpr int32_t kLargestFrame = 1 << 28;
constexpr uint8_t kTopFrame = 1, kWritesStackPointer = 2;  // funcFlag_TOPFRAME, funcFlag_SPWRITE

std::optional<uint32_t> take_varint(std::string_view& bytes) {
  uint32_t value = 0;
  for (unsigned shift = 0; shift < 35 && !bytes.empty(); shift += 7) {
    auto byte = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<uint32_t>(byte & 0x7f) << shift;
    if (!(byte & 0x80)) return value;
  }
  return std::nullopt;
}

// Those that Go versions without flags have, and those that only switch stacks; not the wrappers of the latter, which
// have the same names and, where there are flags, not this one.
bool begins_by_name(std::string_view name, bool may_switch) {
  name = name.substr(0, name.find(".abi0"));
  return name == "runtime.goexit" || name == "runtime.mstart" || name == "runtime.rt0_go" ||
         (may_switch && (name == "runtime.mcall" || name == "runtime.systemstack"));
}

}  // namespace

std::optional<int32_t> go_pc_value(std::string_view table, uint64_t entry, uint64_t target, unsigned quantum) {
  uint64_t address = entry;
  uint32_t value = UINT32_MAX;  // -1
  for (bool first = true;; first = false) {
    auto change = take_varint(table);
    if (!change || (*change == 0 && !first)) return std::nullopt;
    auto length = take_varint(table);
    if (!length) return std::nullopt;
    value += *change & 1 ? ~(*change >> 1) : *change >> 1;
    address += uint64_t{*length} * quantum;
    if (target < address) return static_cast<int32_t>(value);
  }
}

std::optional<GoPcTable> GoPcTable::parse(std::string bytes, uint64_t text) {
  GoPcTable table;
  table.bytes_ = std::move(bytes);
  if (!table.read_header(text)) return std::nullopt;
  return table;
}

std::optional<GoPcTable> GoPcTable::find(const ElfFile& elf) {
  auto place = elf.is_64_bit() ? find_go_table(elf) : std::nullopt;
  if (!place || place->size > kLargestTable) return std::nullopt;
  auto bytes = elf.source().read(place->offset, place->size);
  if (!bytes || bytes->size() < 8 + 3 * kWord) return std::nullopt;
  // In a position-independent executable the header holds 0, and the dynamic linker stores the address.
  uint64_t text = 0;
  std::memcpy(&text, bytes->data() + 8 + 2 * kWord, kWord);
  const ElfSection* code = elf.section_at(text);
  if (code == nullptr || !(code->flags & SHF_EXECINSTR)) {
    if (auto relocated = elf.relocated_value(place->address + 8 + 2 * kWord))
      text = *relocated;
    else if (const ElfSection* named = elf.section(".text"))
      text = named->address;
  }
  return parse(std::move(*bytes), text);
}

std::optional<uint64_t> GoPcTable::load(uint64_t offset, size_t size) const {
  if (offset > bytes_.size() || size > bytes_.size() - offset) return std::nullopt;
  uint64_t value = 0;  // little endian
  std::memcpy(&value, bytes_.data() + offset, size);
  return value;
}

bool GoPcTable::read_header(uint64_t text) {
  auto magic = load(0, 4), zero = load(4, 2), quantum = load(6, 1), word = load(7, 1);
  if (!word || *zero != 0 || *word != kWord || *quantum == 0 || *quantum > 4) return false;
  quantum_ = static_cast<unsigned>(*quantum);
  auto header = [&](unsigned index) { return load(8 + index * kWord, kWord).value_or(UINT64_MAX); };
  uint64_t count = header(0);
  if (*magic == kGo118 || *magic == kGo120) {
    names_ = header(3), tables_ = header(6), functions_ = index_ = header(7);
    field_size_ = 4;
    text_ = text;
    flag_ = *magic == kGo120 ? 41 : 37;
  } else if (*magic == kGo116) {
    names_ = header(2), tables_ = header(5), functions_ = index_ = header(6);
    flag_ = 41;
  } else if (*magic == kGo12) {
    index_ = 8 + kWord;  // everything else counts from the start of the table
  } else {
    return false;
  }
  uint64_t size = bytes_.size();
  if (count == 0 || count > kMostFunctions || names_ > size || tables_ > size || index_ > size) return false;
  if (count * 2 * field_size_ + field_size_ > size - index_) return false;
  count_ = static_cast<size_t>(count);
  return true;
}

uint64_t GoPcTable::entry_of(size_t index) const {
  return load(index_ + index * 2 * field_size_, field_size_).value_or(0) + text_;
}

std::optional<GoPcTable::Function> GoPcTable::function(size_t index) const {
  auto record = load(index_ + index * 2 * field_size_ + field_size_, field_size_);
  if (!record || *record > bytes_.size() - functions_) return std::nullopt;
  uint64_t at = functions_ + *record;
  auto name = load(at + field_size_, 4), sizes = load(at + field_size_ + 12, 4);
  if (!name || !sizes || *name > bytes_.size() - names_) return std::nullopt;
  Function found;
  found.entry = entry_of(index);
  found.end = entry_of(index + 1);
  auto text = std::string_view(bytes_).substr(names_ + *name, kLongestName);
  found.name = text.substr(0, text.find('\0'));
  found.frame_sizes = static_cast<uint32_t>(*sizes);
  if (flag_ != 0) found.kind = static_cast<uint8_t>(load(at + flag_ - 1, 1).value_or(0));
  auto flags = flag_ == 0 ? std::nullopt : load(at + flag_, 1);
  found.writes_stack_pointer = flags && (*flags & kWritesStackPointer);
  found.begins_a_stack =
      (flags && (*flags & kTopFrame)) || begins_by_name(found.name, !flags || found.writes_stack_pointer);
  return found;
}

std::optional<GoPcTable::Function> GoPcTable::at(uint64_t address) const {
  if (count_ == 0 || address < entry_of(0) || address >= entry_of(count_)) return std::nullopt;
  size_t low = 0, high = count_;  // entry_of(low) <= address < entry_of(high)
  while (high - low > 1) {
    size_t middle = low + (high - low) / 2;
    (entry_of(middle) <= address ? low : high) = middle;
  }
  auto found = function(low);
  if (!found || address < found->entry || address >= found->end) return std::nullopt;
  return found;
}

std::optional<GoPcTable::Function> GoPcTable::named(std::string_view name) const {
  for (size_t i = 0; i < count_; ++i)
    if (auto found = function(i); found && found->name == name) return found;
  return std::nullopt;
}

std::optional<uint32_t> GoPcTable::frame_size(const Function& function, uint64_t address) const {
  if (function.frame_sizes == 0 || function.frame_sizes > bytes_.size() - tables_) return std::nullopt;
  auto table = std::string_view(bytes_).substr(tables_ + function.frame_sizes);
  auto size = go_pc_value(table, function.entry, address, quantum_);
  if (!size || *size < 0 || *size > kLargestFrame || *size % static_cast<int32_t>(kWord) != 0) return std::nullopt;
  return static_cast<uint32_t>(*size);
}

}  // namespace ec
