// The way to the entries of a unit: the table of field names has an object for "_SYSTEMD_UNIT", which heads a list of
// all values of that field; the value that is our unit heads a chain of arrays with the offsets of all entries that
// carry it. Neither hash function of the format is needed.
#include "collector/proc/journal_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <optional>

#include "collector/base/text.h"
#include "collector/proc/lz4_block.h"

namespace ec {

namespace {

enum ObjectType : uint8_t { kData = 1, kField = 2, kEntry = 3, kEntryArray = 6 };
constexpr uint8_t kXz = 1, kLz4 = 2, kZstd = 4, kCompressed = kXz | kLz4 | kZstd;
constexpr uint32_t kKnownIncompatible = 1 | 2 | 4 | 8 | 16;  // compressions, keyed hash, compact
constexpr uint32_t kCompact = 16;

constexpr uint64_t kMostBuckets = 4096;            // of the field table; 333 by default
constexpr int kMostFields = 8192;                  // names of fields, all chains of the table together
constexpr int kMostValues = 100'000;               // of one field
constexpr int kMostArrays = 64;                    // each is larger than the one before
constexpr uint64_t kMostItems = 256;               // fields of one entry that are looked at
constexpr uint64_t kMostPayload = 8192;            // of one field, unpacked
constexpr uint64_t kMostPacked = 256 * 1024;       // what the first kMostPayload bytes unpack from: a whole zstd block
constexpr uint64_t kMostPackedOfFile = 64u << 20;  // all fields together
constexpr uint64_t kLargestArray = 1u << 20;       // offsets read of one array

struct ObjectHeader {
  uint8_t type, flags, reserved[6];
  uint64_t size;
};
static_assert(sizeof(ObjectHeader) == 16);

struct FileHeader {  // the part that every version has
  char signature[8];
  uint32_t compatible_flags, incompatible_flags;
  uint8_t state, reserved[7];
  uint8_t file_id[16], machine_id[16], boot_id[16], sequence_id[16];
  uint64_t header_size, arena_size;
  uint64_t data_table_offset, data_table_size, field_table_offset, field_table_size;
};
static_assert(sizeof(FileHeader) == 136);

struct FieldObject {
  ObjectHeader header;
  uint64_t hash, next_hash_offset, head_data_offset;
};
struct DataObject {
  ObjectHeader header;
  uint64_t hash, next_hash_offset, next_field_offset, entry_offset, entry_array_offset, entry_count;
};
struct EntryObject {
  ObjectHeader header;
  uint64_t sequence, realtime_us, monotonic_us;
  uint8_t boot_id[16];
  uint64_t xor_hash;
};
struct EntryArrayObject {
  ObjectHeader header;
  uint64_t next_offset;
};

class Journal {
 public:
  Journal(std::string_view where, const ReadAt& file, const UnpackStart& unpack)
      : where_(where), file_(file), unpack_(unpack) {}

  std::optional<Error> open() {
    if (!file_(0, &header_, sizeof header_))
      return error(ErrorCode::kTruncated, 0, "expected the header of a journal file");
    if (std::string_view(header_.signature, 8) != "LPKSHHRH")
      return error(ErrorCode::kMalformed, 0, "expected the signature LPKSHHRH of a journal file");
    if (header_.incompatible_flags & ~kKnownIncompatible)
      return error(ErrorCode::kUnsupported, 12,
                   fmt::format("journal format flags 0x{:x} are newer than this program", header_.incompatible_flags));
    if (header_.header_size < sizeof header_ || header_.field_table_size / 16 > kMostBuckets)
      return error(ErrorCode::kMalformed, 88, "expected sizes of a journal header");
    compact_ = header_.incompatible_flags & kCompact;
    return std::nullopt;
  }

  // Offsets of the newest entries with FIELD=VALUE, at most `limit`, oldest first.
  std::vector<uint64_t> entries_of(std::string_view field, std::string_view assignment, size_t limit) {
    auto head = field_head(field);
    for (int count = 0; head && *head && count < kMostValues; ++count) {
      auto data = object<DataObject>(*head, kData);
      if (!data) return {};
      if (payload_is(*head, *data, assignment)) return chain(*data, limit);
      head = data->next_field_offset;
    }
    return {};
  }

  std::optional<JournalEntry> entry(uint64_t offset) {
    auto object_head = object<EntryObject>(offset, kEntry);
    if (!object_head) return std::nullopt;
    JournalEntry result;
    result.sequence = object_head->sequence;
    result.realtime_us = object_head->realtime_us;
    size_t item_size = compact_ ? 4 : 16;
    uint64_t count = std::min((object_head->header.size - sizeof(EntryObject)) / item_size, kMostItems);
    std::string items(count * item_size, '\0');
    if (!file_(offset + sizeof(EntryObject), items.data(), items.size())) return std::nullopt;
    std::string command;
    for (uint64_t i = 0; i < count; ++i) take_field(item(items, i, item_size), result, command);
    if (result.identifier.empty()) result.identifier = std::move(command);
    return result;
  }

  Error error(ErrorCode code, uint64_t offset, std::string detail) const {
    return Error{code, fmt::format("{}+0x{:x}", where_, offset), std::move(detail), 0};
  }

 private:
  template <class T>
  std::optional<T> object(uint64_t offset, ObjectType type) {
    T value;
    if (offset % 8 != 0 || offset < header_.header_size || !file_(offset, &value, sizeof value)) return std::nullopt;
    if (value.header.type != type || value.header.size < sizeof value) return std::nullopt;
    return value;
  }

  uint64_t item(std::string_view items, uint64_t index, size_t size) const {
    uint64_t wide = 0;
    uint32_t narrow = 0;
    const char* at = items.data() + index * size;
    if (!compact_)
      std::memcpy(&wide, at, sizeof wide);
    else
      std::memcpy(&narrow, at, sizeof narrow);
    return compact_ ? narrow : wide;
  }

  std::optional<uint64_t> field_head(std::string_view name) {
    int count = 0;
    for (uint64_t bucket = 0; bucket < header_.field_table_size / 16; ++bucket) {
      std::array<uint64_t, 2> ends{};  // head and tail of the bucket's chain
      if (!file_(header_.field_table_offset + bucket * 16, ends.data(), 16)) return std::nullopt;
      uint64_t at = ends[0];
      for (; at && count < kMostFields; ++count) {
        auto field = object<FieldObject>(at, kField);
        if (!field) break;
        std::string text(name.size(), '\0');
        if (field->header.size - sizeof(FieldObject) == name.size() &&
            file_(at + sizeof(FieldObject), text.data(), text.size()) && text == name)
          return field->head_data_offset;
        at = field->next_hash_offset;
      }
    }
    return std::nullopt;
  }

  // Compact files keep two more 32-bit numbers before the payload.
  uint64_t payload_offset() const { return sizeof(DataObject) + (compact_ ? 8 : 0); }

  std::string payload(uint64_t offset, const DataObject& data, uint64_t most = kMostPayload) {
    if (data.header.size < payload_offset()) return {};
    std::string text(std::min(data.header.size - payload_offset(), most), '\0');
    if (!file_(offset + payload_offset(), text.data(), text.size())) return {};
    return text;
  }

  // The payload as it was logged: journald packs what is longer than 512 bytes.
  std::optional<std::string> unpacked(uint64_t offset, const DataObject& data) {
    uint8_t packing = data.header.flags & kCompressed;
    if (packing == 0) return payload(offset, data);
    uint64_t cost = std::min(data.header.size, kMostPacked);
    if (cost > packed_left_) return std::nullopt;
    packed_left_ -= cost;
    std::string packed = payload(offset, data, kMostPacked);
    if (packing != kLz4) return unpack_ ? unpack_(packed, kMostPayload) : std::nullopt;
    constexpr size_t kSize = 8;  // the unpacked size goes before the block
    if (packed.size() < kSize) return std::nullopt;
    return unpack_lz4_block(std::string_view(packed).substr(kSize), kMostPayload);
  }

  bool payload_is(uint64_t offset, const DataObject& data, std::string_view text) {
    bool same_size = data.header.size == payload_offset() + text.size();
    return same_size && !(data.header.flags & kCompressed) && payload(offset, data) == text;
  }

  // The first entry stands in the value itself, the others in arrays that grow along the chain: only the last arrays
  // matter.
  std::vector<uint64_t> chain(const DataObject& data, size_t limit) {
    std::deque<uint64_t> newest;
    auto push = [&](uint64_t offset) {
      newest.push_back(offset);
      if (newest.size() > limit) newest.pop_front();
    };
    if (data.entry_count > 0) push(data.entry_offset);
    uint64_t left = data.entry_count > 0 ? data.entry_count - 1 : 0, at = data.entry_array_offset;
    size_t item_size = compact_ ? 4 : 8;
    for (int count = 0; at && left > 0 && count < kMostArrays; ++count) {
      auto array = object<EntryArrayObject>(at, kEntryArray);
      if (!array) break;
      uint64_t capacity = (array->header.size - sizeof(EntryArrayObject)) / item_size, used = std::min(capacity, left);
      uint64_t wanted = std::min({used, uint64_t{limit}, kLargestArray}), skipped = used - wanted;
      std::string items(wanted * item_size, '\0');
      if (!file_(at + sizeof(EntryArrayObject) + skipped * item_size, items.data(), items.size())) break;
      for (uint64_t i = 0; i < wanted; ++i) push(item(items, i, item_size));
      left -= used;
      at = array->next_offset;
    }
    return {newest.begin(), newest.end()};
  }

  void take_field(uint64_t offset, JournalEntry& entry, std::string& command) {
    auto data = object<DataObject>(offset, kData);
    if (!data) return;
    auto text = unpacked(offset, *data);
    if (!text) {
      // Only long fields are compressed, and of those that we want only the message is ever long.
      if (entry.message.empty()) entry.message = "(compressed field not read)";
      return;
    }
    auto value_of = [&](std::string_view name) -> std::optional<std::string_view> {
      if (!text->starts_with(name) || text->size() <= name.size() || (*text)[name.size()] != '=') return std::nullopt;
      return std::string_view(*text).substr(name.size() + 1);
    };
    if (auto message = value_of("MESSAGE"))
      entry.message = *message;
    else if (auto identifier = value_of("SYSLOG_IDENTIFIER"))
      entry.identifier = *identifier;
    else if (auto name = value_of("_COMM"))
      command = *name;
    else if (auto pid = value_of("_PID"))
      entry.pid = *pid;
    else if (auto user = value_of("_UID"))
      entry.user_id = *user;
    else if (auto priority = value_of("PRIORITY"))
      entry.priority = parse_number<int>(*priority).value_or(6);
  }

  std::string_view where_;
  const ReadAt& file_;
  const UnpackStart& unpack_;
  FileHeader header_{};
  bool compact_ = false;
  uint64_t packed_left_ = kMostPackedOfFile;
};

// Fields without '_' are what the sender says: only the manager, and root for core dumps, are believed.
struct Relation {
  std::string_view field;
  bool (*believed)(const JournalEntry&, const JournalUnit&);
};
bool from_anybody(const JournalEntry&, const JournalUnit&) { return true; }
bool from_system_manager(const JournalEntry& entry, const JournalUnit&) { return entry.pid == "1"; }
bool from_root(const JournalEntry& entry, const JournalUnit&) { return entry.user_id == "0"; }
bool from_user(const JournalEntry& entry, const JournalUnit& unit) { return entry.user_id == unit.user_id; }

constexpr Relation kOfSystem[] = {
    {"_SYSTEMD_UNIT", from_anybody}, {"UNIT", from_system_manager}, {"COREDUMP_UNIT", from_root}};
// Other users may have units of that name.
constexpr Relation kOfUser[] = {
    {"_SYSTEMD_USER_UNIT", from_user}, {"USER_UNIT", from_user}, {"COREDUMP_USER_UNIT", from_user}};

}  // namespace

Result<std::vector<JournalEntry>> newest_entries(std::string_view where, const ReadAt& file, const UnpackStart& unpack,
                                                 const JournalUnit& unit, size_t limit) {
  Journal journal(where, file, unpack);
  if (auto problem = journal.open()) return tl::unexpected(std::move(*problem));
  std::vector<JournalEntry> entries;
  for (const Relation& relation : unit.user_id.empty() ? kOfSystem : kOfUser)
    for (uint64_t offset : journal.entries_of(relation.field, fmt::format("{}={}", relation.field, unit.name), limit))
      if (auto entry = journal.entry(offset); entry && relation.believed(*entry, unit))
        entries.push_back(std::move(*entry));
  std::stable_sort(entries.begin(), entries.end(),
                   [](const JournalEntry& a, const JournalEntry& b) { return a.sequence < b.sequence; });
  if (entries.size() > limit) entries.erase(entries.begin(), entries.end() - static_cast<long>(limit));
  return entries;
}

}  // namespace ec
