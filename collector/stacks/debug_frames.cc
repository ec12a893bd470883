#include "collector/stacks/debug_frames.h"

#include <algorithm>
#include <cstring>

#include "collector/base/bytes.h"

namespace ec {

namespace {

constexpr size_t kMostEntries = 4'000'000;
constexpr int kLongestLeb = 10;
constexpr uint8_t kRelative = 0x1c;  // DW_EH_PE_pcrel | DW_EH_PE_sdata8

// One entry of the section, from its length on.
struct Record {
  uint64_t id = 0;        // offset of the common entry, in the section
  bool common = false;    // it is one
  std::string_view rest;  // behind the id
  uint64_t next = 0;      // offset of the next record
};

std::optional<Record> record_at(std::string_view section, uint64_t offset) {
  if (offset >= section.size()) return std::nullopt;
  ByteCursor cursor(section.substr(offset));
  auto short_length = cursor.read<uint32_t>();
  if (!short_length) return std::nullopt;
  bool wide = *short_length == 0xffffffff;
  uint64_t length = wide ? cursor.read<uint64_t>().value_or(UINT64_MAX) : *short_length;
  auto body = cursor.take(length);
  if (!body) return std::nullopt;
  Record record;
  record.next = offset + cursor.offset();
  ByteCursor inside(*body);
  if (wide) {
    record.id = inside.read<uint64_t>().value_or(UINT64_MAX);
    record.common = record.id == UINT64_MAX;
  } else {
    record.id = inside.read<uint32_t>().value_or(UINT32_MAX);
    record.common = record.id == UINT32_MAX;
  }
  record.rest = body->substr(inside.offset());
  return record;
}

// A LEB128 number, signed or not, as it stands.
std::optional<std::string_view> take_leb(ByteCursor& cursor, std::string_view bytes) {
  size_t begin = cursor.offset();
  for (int i = 0; i < kLongestLeb; ++i) {
    auto byte = cursor.read<uint8_t>();
    if (!byte) return std::nullopt;
    if (!(*byte & 0x80)) return bytes.substr(begin, cursor.offset() - begin);
  }
  return std::nullopt;
}

template <class T>
void put(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace

DebugFrames::DebugFrames(std::string section) : section_(std::move(section)) { build_index(); }

void DebugFrames::build_index() {
  for (uint64_t at = 0; index_.size() < kMostEntries;) {
    auto record = record_at(section_, at);
    if (!record) break;
    if (!record->common) {
      ByteCursor cursor(record->rest);
      auto start = cursor.read<uint64_t>(), size = cursor.read<uint64_t>();
      // The linker leaves the entries of functions that it dropped, at 0.
      if (start && size && *start != 0 && *size != 0) index_.push_back({*start, *size, at});
    }
    at = record->next;
  }
  std::stable_sort(index_.begin(), index_.end(), [](const Entry& a, const Entry& b) { return a.start < b.start; });
}

std::optional<DebugFrames::Found> DebugFrames::find(uint64_t address) {
  auto after = std::upper_bound(index_.begin(), index_.end(), address,
                                [](uint64_t wanted, const Entry& entry) { return wanted < entry.start; });
  if (after == index_.begin()) return std::nullopt;
  const Entry& entry = *std::prev(after);
  if (address - entry.start >= entry.size) return std::nullopt;
  auto place = rewritten_.find(entry.offset);
  if (place == rewritten_.end()) place = rewritten_.emplace(entry.offset, rewrite(entry)).first;
  if (!place->second) return std::nullopt;
  return Found{entry.start, entry.size, kBase + *place->second};
}

// DW_CFA_set_loc, the one instruction with an address in it, stays as it is: compilers for x86-64 do not emit it.
std::optional<uint64_t> DebugFrames::rewrite(const Entry& entry) {
  auto record = record_at(section_, entry.offset);
  if (!record || record->rest.size() < 16) return std::nullopt;
  auto known = rewritten_.find(record->id);
  if (known == rewritten_.end()) known = rewritten_.emplace(record->id, rewrite_common(record->id)).first;
  if (!known->second) return std::nullopt;
  uint64_t at = made_.size();
  std::string_view instructions = record->rest.substr(16);
  put(made_, static_cast<uint32_t>(4 + 16 + 1 + instructions.size()));
  put(made_, static_cast<uint32_t>(made_.size() - *known->second));  // back to its common entry
  put(made_, entry.start - (kBase + made_.size()));
  put(made_, entry.size);
  made_ += '\0';  // no augmentation data
  made_ += instructions;
  return at;
}

std::optional<uint64_t> DebugFrames::rewrite_common(uint64_t offset) {
  auto record = record_at(section_, offset);
  if (!record || !record->common) return std::nullopt;
  ByteCursor cursor(record->rest);
  auto version = cursor.read<uint8_t>(), augmentation = cursor.read<uint8_t>();
  // An augmentation may change the meaning of everything behind it.
  if (!augmentation || *augmentation != 0 || (*version != 1 && *version != 3 && *version != 4)) return std::nullopt;
  if (*version == 4) {
    auto address_size = cursor.read<uint8_t>(), segment_size = cursor.read<uint8_t>();
    if (!segment_size || *address_size != 8 || *segment_size != 0) return std::nullopt;
  }
  auto code_unit = take_leb(cursor, record->rest), data_unit = take_leb(cursor, record->rest);
  std::optional<std::string_view> return_column = *version == 1 ? cursor.take(1) : take_leb(cursor, record->rest);
  if (!code_unit || !data_unit || !return_column) return std::nullopt;
  // A byte that a LEB128 number would go on behind.
  if (*version == 1 && (return_column->front() & 0x80)) return std::nullopt;
  std::string body;
  put(body, uint32_t{0});
  body += '\3';
  body += std::string_view("zR\0", 3);
  body.append(*code_unit).append(*data_unit).append(*return_column);
  body += '\1';
  body += static_cast<char>(kRelative);
  body += record->rest.substr(cursor.offset());
  uint64_t at = made_.size();
  put(made_, static_cast<uint32_t>(body.size()));
  made_ += body;
  return at;
}

bool DebugFrames::read(uint64_t address, void* destination, size_t count) const {
  if (address < kBase) return false;
  uint64_t offset = address - kBase, end = (made_.size() + 7) / 8 * 8;
  if (offset > end || count > end - offset) return false;
  size_t held = offset < made_.size() ? std::min<uint64_t>(count, made_.size() - offset) : 0;
  std::memset(destination, 0, count);
  std::memcpy(destination, made_.data() + offset, held);
  return true;
}

}  // namespace ec
