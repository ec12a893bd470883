#include "collector/profile/java_text.h"

#include <algorithm>

#include "collector/base/text.h"
#include "collector/profile/heap_scale.h"

namespace ec {

namespace {

constexpr int64_t kHeapRate = 524288;  // fixed in the writer
// Code that the JVM made has no name, but a line that says so, with more in it; `go tool pprof` calls all of it STUB
// (google/pprof, profile/legacy_java_profile.go).
constexpr std::string_view kGeneratedCode = "generated stub/JIT", kGeneratedCodeName = "STUB";

struct Place {
  std::string_view function, file;
  int64_t line = 0;
};

// "run (Main.java:20)", "malloc (/usr/lib/libc.so.6)", "GC".
Place place_of(std::string_view text) {
  Place place{text, {}, 0};
  size_t open = text.rfind(" (");
  if (open == std::string_view::npos || !text.ends_with(')')) {
    if (text.find(kGeneratedCode) != std::string_view::npos) place.function = kGeneratedCodeName;
    return place;
  }
  place.function = trim(text.substr(0, open));
  std::string_view inside = text.substr(open + 2, text.size() - open - 3);
  size_t colon = inside.rfind(':');
  auto line = colon == std::string_view::npos ? std::nullopt : parse_number<int64_t>(inside.substr(colon + 1));
  if (line) {
    place.file = inside.substr(0, colon);
    place.line = std::max<int64_t>(*line, 0);
  } else {
    place.file = inside.substr(inside.rfind('/') + 1);  // npos + 1 == 0
  }
  return place;
}

// "  2 1048576 @ 0x1 0x2": bytes or delay, then how many.
struct Row {
  int64_t amount = 0, count = 0;
  std::vector<uint64_t> addresses;
};
std::optional<Row> sample_row(std::string_view line) {
  FieldCursor fields(line);
  auto amount = fields.number<int64_t>(), count = fields.number<int64_t>();
  auto at = fields.word();
  Row row{amount.value_or(0), count.value_or(0), {}};
  if (!amount || !count || !at || *at != "@" || !read_addresses(fields.rest(), row.addresses)) return std::nullopt;
  return row;
}

class Reader {
 public:
  Reader(std::string_view where, std::string_view text) : where_(where), text_(text), lines_(where, text) {}

  Result<OwnedPprof> read() {
    auto first = lines_.next();
    auto title = trim(first.value_or(""));
    heap_ = title == "--- heapz 1 ---";
    if (!heap_ && title != "--- contentionz 1 ---")
      return tl::unexpected(lines_.expected("'--- heapz 1 ---' or '--- contentionz 1 ---'"));
    bool in_header = true;
    while (auto raw = lines_.next()) {
      auto line = trim(*raw);
      if (line.empty()) continue;
      if (in_header && line.find('=') != std::string_view::npos && line.find('@') == std::string_view::npos) {
        if (!attribute(line)) return tl::unexpected(lines_.expected("an attribute of a Java profile"));
        continue;
      }
      if (in_header && !typed_) return tl::unexpected(lines_.expected("'resolution = UNIT' before the samples"));
      in_header = false;
      auto row = sample_row(line);
      if (!row) {
        name_java_locations(text_.substr(static_cast<size_t>(raw->data() - text_.data())), profile_);
        break;
      }
      add(*row);
    }
    return std::move(profile_).finish(where_, "");
  }

 private:
  bool attribute(std::string_view line) {
    size_t equals = line.find('=');
    auto name = trim(line.substr(0, equals)), value = trim(line.substr(equals + 1));
    if (name == "format") return value == "java";
    if (name == "resolution" && !typed_) {
      typed_ = true;
      profile_.sample_type(heap_ ? "inuse_objects" : "contentions", "count");
      profile_.sample_type(heap_ ? "inuse_space" : "delay", value);
      return true;
    }
    auto number = parse_number<int64_t>(value);
    if (heap_ || !number) return false;
    if (name == "sampling period") {
      period_ = *number;
      profile_.period_type("contentions", "count", period_);
      return true;
    }
    if (name != "ms since reset") return false;
    profile_.header().duration_ns = saturated(static_cast<double>(*number) * 1e6);
    return true;
  }

  void add(const Row& row) {
    if (!heap_) {
      auto times = static_cast<double>(period_ == 0 ? 1 : period_);
      const int64_t values[] = {saturated(static_cast<double>(row.count) * times),
                                saturated(static_cast<double>(row.amount) * times)};
      profile_.sample(row.addresses, AddressKind::kNames, values);
      return;
    }
    if (row.count == 0) return;
    HeapAmount scaled = unsampled({row.count, row.amount}, kHeapRate);
    const int64_t values[] = {scaled.count, scaled.bytes};
    profile_.sample(row.addresses, AddressKind::kNames, values, block_size({row.count, row.amount}));
  }

  std::string_view where_, text_;
  LineCursor lines_;
  LegacyProfile profile_;
  bool heap_ = false, typed_ = false;
  int64_t period_ = 0;
};

}  // namespace

void name_java_locations(std::string_view table, LegacyProfile& profile) {
  LineCursor lines("locations", table);
  while (auto line = lines.next()) {
    FieldCursor fields(*line);
    auto word = fields.word();
    if (!word || !word->starts_with("0x")) continue;
    auto address = parse_number<uint64_t>(word->substr(2), 16);
    auto text = trim(fields.rest());
    if (!address || text.empty()) continue;
    Place place = place_of(text);
    profile.name({*address, place.function, place.file, place.line});
  }
}

Result<OwnedPprof> parse_java_text(std::string_view where, std::string_view text) { return Reader(where, text).read(); }

}  // namespace ec
