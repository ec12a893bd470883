#include "symbolize/go_pclntab.h"

#include <elf.h>

#include <algorithm>
#include <cstring>

#include "symbolize/go_table_place.h"

namespace ec {

namespace {

constexpr uint32_t kGo12 = 0xfffffffb, kGo116 = 0xfffffffa, kGo118 = 0xfffffff0, kGo120 = 0xfffffff1;
constexpr uint64_t kMostFunctions = 1'000'000;
constexpr size_t kLongestName = 4096;

uint64_t load(std::string_view bytes, size_t offset, size_t size) {
  uint64_t value = 0;
  if (size == 4) {
    uint32_t half = 0;
    std::memcpy(&half, bytes.data() + offset, 4);
    value = half;
  } else {
    std::memcpy(&value, bytes.data() + offset, 8);
  }
  return value;
}

}  // namespace

std::optional<GoFunctions> GoFunctions::find(std::shared_ptr<const ElfFile> elf) {
  auto place = find_go_table(*elf);
  if (!place) return std::nullopt;
  GoFunctions functions;
  functions.elf_ = std::move(elf);
  functions.table_offset_ = place->offset;
  functions.table_size_ = place->size;
  functions.table_address_ = place->address;
  if (!functions.read_header()) return std::nullopt;
  return functions;
}

std::optional<uint64_t> GoFunctions::word(uint64_t offset, size_t size) const {
  if (offset > table_size_ || size > table_size_ - offset) return std::nullopt;
  auto bytes = elf_->source().read(table_offset_ + offset, size);
  if (!bytes) return std::nullopt;
  return load(*bytes, 0, size);
}

bool GoFunctions::read_header() {
  auto magic = word(0, 4);
  auto tail = word(4, 4);  // two zero bytes, instruction quantum, pointer size
  if (!magic || !tail || (*tail & 0xffff) != 0) return false;
  pointer_size_ = static_cast<size_t>(*tail >> 24);
  if (pointer_size_ != 4 && pointer_size_ != 8) return false;
  auto header = [&](unsigned index) { return word(8 + index * pointer_size_, pointer_size_).value_or(UINT64_MAX); };
  uint64_t count = header(0);
  magic_ = static_cast<uint32_t>(*magic);
  quantum_ = *tail >> 16 & 0xff;
  field_size_ = pointer_size_;
  if (*magic == kGo118 || *magic == kGo120) {
    relative_ = true;
    field_size_ = 4;
    text_ = header(2);
    names_ = header(3);
    units_ = header(4);
    files_ = header(5);
    tables_ = header(6);
    functions_ = header(7);
    const ElfSection* code = elf_->section_at(text_);
    if (code == nullptr || !(code->flags & SHF_EXECINSTR)) {
      auto target = elf_->relocated_value(table_address_ + 8 + 2 * pointer_size_);
      const ElfSection* text = elf_->section(".text");
      if (target)
        text_ = *target;
      else if (text != nullptr)
        text_ = text->address;
    }
  } else if (*magic == kGo116) {
    names_ = header(2);
    units_ = header(3);
    files_ = header(4);
    tables_ = header(5);
    functions_ = header(6);
  } else if (*magic == kGo12) {
    names_ = 0;
    functions_ = 8 + pointer_size_;
  } else {
    return false;
  }
  if (count == 0 || count > kMostFunctions || functions_ >= table_size_ || names_ >= table_size_) return false;
  uint64_t bytes = count * 2 * field_size_ + field_size_;
  if (bytes > table_size_ - functions_) return false;
  auto index = elf_->source().read(table_offset_ + functions_, bytes);
  if (!index) return false;
  index_ = std::move(*index);
  count_ = static_cast<size_t>(count);
  // Go 1.2: offsets of functions count from the start of the table, not of the index.
  if (*magic == kGo12) {
    files_ = word(functions_ + bytes, 4).value_or(0);
    functions_ = 0;
  }
  if (relative_) find_inline_base();
  return true;
}

uint64_t GoFunctions::entry_of(size_t index) const {
  return load(index_, index * 2 * field_size_, field_size_) + (relative_ ? text_ : 0);
}

std::optional<size_t> GoFunctions::index_of(uint64_t address) const {
  if (count_ == 0 || address < entry_of(0) || address >= entry_of(count_)) return std::nullopt;
  size_t low = 0, high = count_;  // entry_of(low) <= address < entry_of(high)
  while (high - low > 1) {
    size_t middle = low + (high - low) / 2;
    if (entry_of(middle) <= address)
      low = middle;
    else
      high = middle;
  }
  return low;
}

std::string GoFunctions::name_at(uint64_t offset) const {
  if (offset > table_size_ - names_) return {};
  return elf_->source().text_at(table_offset_ + names_ + offset,
                                std::min<uint64_t>(kLongestName, table_size_ - names_ - offset));
}

std::optional<FoundSymbol> GoFunctions::find(uint64_t address) const {
  auto index = index_of(address);
  if (!index) return std::nullopt;
  uint64_t function = load(index_, *index * 2 * field_size_ + field_size_, field_size_);
  if (function > table_size_ - functions_) return std::nullopt;
  // _func: the entry (its offset from 1.18 on), then the offset of the name.
  auto name = word(functions_ + function + field_size_, 4);
  if (!name) return std::nullopt;
  FoundSymbol found;
  found.name = name_at(*name);
  found.address = entry_of(*index);
  if (found.name.empty() || found.address > address) return std::nullopt;
  uint64_t next = entry_of(*index + 1);
  found.size = next > found.address ? next - found.address : 0;
  return found;
}

}  // namespace ec
