#include "collector/profile/gperftools_cpu.h"

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <unordered_map>
#include <vector>

#include "collector/base/bytes.h"
#include "collector/profile/java_text.h"
#include "collector/profile/legacy_profile.h"

namespace ec {

namespace {

constexpr uint64_t kJava = 1;

class Words {
 public:
  Words(std::string_view bytes, bool wide, bool swapped) : cursor_(bytes), wide_(wide), swapped_(swapped) {}

  std::optional<uint64_t> next() {
    if (wide_) {
      auto word = cursor_.read<uint64_t>();
      return word && swapped_ ? std::optional<uint64_t>(__builtin_bswap64(*word)) : word;
    }
    auto word = cursor_.read<uint32_t>();
    if (!word) return std::nullopt;
    return swapped_ ? __builtin_bswap32(*word) : *word;
  }
  size_t offset() const { return cursor_.offset(); }
  size_t remaining() const { return cursor_.remaining() / (wide_ ? 8 : 4); }

 private:
  ByteCursor cursor_;
  bool wide_, swapped_;
};

struct Header {
  Words words;  // behind the header
  uint64_t period_us = 0;
  bool java = false;
};

std::optional<Header> read_header(std::string_view bytes) {
  for (bool wide : {false, true})
    for (bool swapped : {false, true}) {
      Words words(bytes, wide, swapped);
      std::array<uint64_t, 5> header{};
      bool whole = true;
      for (uint64_t& word : header) {
        auto next = words.next();
        whole = whole && next;
        word = next.value_or(0);
      }
      if (whole && header[0] == 0 && header[1] == 3 && header[2] <= kJava && header[3] > 0 && header[4] == 0)
        return Header{words, header[3], header[2] == kJava};
    }
  return std::nullopt;
}

struct Record {
  uint64_t count = 0;
  std::vector<uint64_t> addresses;  // innermost first
};

Result<std::vector<Record>> read_records(std::string_view where, Words& words) {
  std::vector<Record> records;
  auto place = [&] { return fmt::format("{}+{:#x}", where, words.offset()); };
  while (true) {
    auto count = words.next(), depth = words.next();
    if (!count || !depth) return fail(ErrorCode::kTruncated, place(), "expected the marker of the end, or a stack");
    if (*depth > words.remaining())
      return fail(ErrorCode::kTruncated, place(), fmt::format("a stack of {} addresses, expected more bytes", *depth));
    Record record{*count, {}};
    record.addresses.reserve(*depth);
    for (uint64_t i = 0; i < *depth; ++i) record.addresses.push_back(words.next().value_or(0));
    if (record.count == 0 && *depth == 1 && record.addresses[0] == 0) return records;
    records.push_back(std::move(record));
  }
}

// A second address that (nearly) all stacks have is a frame of the signal handler, not of the program: google/pprof
// and google-pprof take up to two of them away. The innermost is from the signal's registers and always right.
void drop_handler_frames(std::vector<Record>& records) {
  constexpr size_t kOneOtherIn = 32;
  for (int round = 0; round < 2; ++round) {
    std::unordered_map<uint64_t, size_t> counts;
    for (const Record& record : records)
      if (record.addresses.size() > 1) ++counts[record.addresses[1]];
    auto common = std::max_element(counts.begin(), counts.end(),
                                   [](const auto& a, const auto& b) { return a.second < b.second; });
    if (common == counts.end() || common->second < records.size() - records.size() / kOneOtherIn) return;
    for (Record& record : records)
      if (record.addresses.size() > 1 && record.addresses[1] == common->first)
        record.addresses.erase(record.addresses.begin() + 1);
  }
}

// The innermost frame may be there twice: from the registers and from unwinding.
void drop_second_leaf(Record& record) {
  auto& addresses = record.addresses;
  if (addresses.size() > 1 && addresses[0] == addresses[1]) addresses.erase(addresses.begin() + 1);
}

int64_t wrapping_product(uint64_t a, uint64_t b) { return static_cast<int64_t>(a * b); }

}  // namespace

bool is_gperftools_cpu(std::string_view bytes) { return read_header(bytes).has_value(); }

Result<OwnedPprof> parse_gperftools_cpu(std::string_view where, std::string_view bytes) {
  auto header = read_header(bytes);
  if (!header)
    return fail(ErrorCode::kMalformed, std::string(where), "expected the header 0, 3, 0, period, 0 of a CPU profile");
  auto records = read_records(where, header->words);
  if (!records) return tl::unexpected(records.error());
  const uint64_t period_ns = header->period_us * 1000;
  std::string_view rest = bytes.substr(header->words.offset());
  if (!header->java) drop_handler_frames(*records);
  LegacyProfile profile;
  profile.sample_type("samples", "count");
  profile.sample_type("cpu", "nanoseconds");
  profile.period_type("cpu", "nanoseconds", static_cast<int64_t>(period_ns));
  for (Record& record : *records) {
    if (!header->java) drop_second_leaf(record);
    const int64_t values[] = {static_cast<int64_t>(record.count), wrapping_product(record.count, period_ns)};
    profile.sample(record.addresses, header->java ? AddressKind::kNames : AddressKind::kExactLeaf, values);
  }
  if (header->java) name_java_locations(rest, profile);
  return std::move(profile).finish(where, header->java ? "" : rest);
}

}  // namespace ec
