#include "collector/profile/profile_builder.h"

#include <algorithm>
#include <cstring>

#include "collector/profile/measurement.h"

namespace ec {

namespace {

constexpr size_t kTextBlock = 64 * 1024;
constexpr size_t kMostPooled = 16 * kMostPprofRows;  // as parse_pprof()

template <class Row>
uint32_t next_index(const std::vector<Row>& rows) {
  return static_cast<uint32_t>(rows.size());
}

template <class Row>
bool same_rows(const std::vector<Row>& pool, PprofSlice slice, std::span<const Row> rows) {
  return slice.count == rows.size() && std::equal(rows.begin(), rows.end(), pool.begin() + slice.first);
}

template <class Row>
PprofSlice append(std::vector<Row>& pool, std::span<const Row> rows) {
  PprofSlice slice{next_index(pool), static_cast<uint32_t>(rows.size())};
  pool.insert(pool.end(), rows.begin(), rows.end());
  return slice;
}

}  // namespace

Result<OwnedPprof> own_pprof(std::string_view where, std::string bytes) {
  auto kept = std::make_shared<std::string>(std::move(bytes));
  auto profile = parse_pprof(where, *kept);
  if (!profile) return tl::unexpected(profile.error());
  return OwnedPprof{std::move(*profile), {std::move(kept)}};
}

ProfileBuilder::ProfileBuilder() { text(""); }

template <class Row>
bool ProfileBuilder::has_room(const std::vector<Row>& rows) {
  full_ = full_ || rows.size() >= kMostPprofRows;
  return !full_;
}

char* ProfileBuilder::room(size_t size) {
  if (size > free_bytes_) {
    free_bytes_ = std::max(size, kTextBlock);
    std::shared_ptr<char[]> block(new char[free_bytes_]);
    free_ = block.get();
    out_.text.push_back(std::move(block));
  }
  char* place = free_;
  free_ += size;
  free_bytes_ -= size;
  return place;
}

uint32_t ProfileBuilder::text(std::string_view text) {
  auto& strings = out_.profile.strings;
  if (!has_room(strings)) return 0;
  uint32_t next = next_index(strings);
  uint32_t found =
      strings_.find_or_add(RowHash().add(text).value(), next, [&](uint32_t row) { return strings[row] == text; });
  if (found == next) {
    char* place = room(text.size());
    if (!text.empty()) std::memcpy(place, text.data(), text.size());
    strings.emplace_back(place, text.size());
  }
  return found;
}

void ProfileBuilder::sample_type(std::string_view type, std::string_view unit) {
  if (has_room(out_.profile.sample_types)) out_.profile.sample_types.push_back({text(type), text(unit)});
}

uint32_t ProfileBuilder::mapping(PprofMapping mapping) {
  auto& rows = out_.profile.mappings;
  if (!has_room(rows)) return kNoPprofMapping;
  uint32_t next = next_index(rows);
  auto hash = RowHash().add(mapping.start).add(mapping.limit).add(mapping.file_offset).add(mapping.file);
  uint32_t found = mappings_.find_or_add(hash.add(mapping.build_id).value(), next, [&](uint32_t row) {
    mapping.id = rows[row].id;
    return rows[row] == mapping;
  });
  mapping.id = next + 1;
  if (found == next) rows.push_back(mapping);
  return found;
}

uint32_t ProfileBuilder::function(PprofFunction function) {
  auto& rows = out_.profile.functions;
  if (!has_room(rows)) return 0;
  uint32_t next = next_index(rows);
  auto hash = RowHash().add(function.name).add(function.system_name).add(function.file);
  uint32_t found =
      functions_.find_or_add(hash.add(static_cast<uint64_t>(function.start_line)).value(), next, [&](uint32_t row) {
        function.id = rows[row].id;
        return rows[row] == function;
      });
  function.id = next + 1;
  if (found == next) rows.push_back(function);
  return found;
}

uint32_t ProfileBuilder::location(PprofLocation location, std::span<const PprofLine> lines) {
  auto& rows = out_.profile.locations;
  auto& pool = out_.profile.lines;
  if (!has_room(rows) || !has_room(pool)) return 0;
  uint32_t next = next_index(rows);
  RowHash hash;
  hash.add(location.address).add(location.mapping);
  for (const PprofLine& line : lines) hash.add(line.function).add(static_cast<uint64_t>(line.line));
  uint32_t found = locations_.find_or_add(hash.value(), next, [&](uint32_t row) {
    const PprofLocation& other = rows[row];
    return other.address == location.address && other.mapping == location.mapping &&
           other.is_folded == location.is_folded && same_rows(pool, other.lines, lines);
  });
  if (found == next) {
    location.id = next + 1;
    location.lines = append(pool, lines);
    rows.push_back(location);
  }
  return found;
}

void ProfileBuilder::sample(std::span<const uint32_t> locations, std::span<const int64_t> values,
                            std::span<const PprofLabel> labels) {
  Pprof& out = out_.profile;
  full_ = full_ || out.stack.size() + locations.size() > kMostPooled || out.values.size() + values.size() > kMostPooled;
  if (!has_room(out.samples) || !has_room(out.labels)) return;
  uint32_t next = next_index(out.samples);
  RowHash hash;
  for (uint32_t location : locations) hash.add(location);
  for (const PprofLabel& label : labels)
    hash.add(label.key).add(label.text).add(static_cast<uint64_t>(label.number)).add(label.unit);
  uint32_t found = samples_.find_or_add(hash.value(), next, [&](uint32_t row) {
    const PprofSample& other = out.samples[row];
    return same_rows(out.stack, other.locations, locations) && same_rows(out.labels, other.labels, labels);
  });
  if (found == next) {
    out.samples.push_back({append(out.stack, locations), append(out.values, values), append(out.labels, labels)});
    return;
  }
  const PprofSlice& slice = out.samples[found].values;
  for (size_t i = 0; i < std::min<size_t>(slice.count, values.size()); ++i)
    out.values[slice.first + i] = wrapping_sum(out.values[slice.first + i], values[i]);
}

Result<OwnedPprof> ProfileBuilder::finish(std::string_view where) && {
  if (full_)
    return fail(ErrorCode::kUnsupported, std::string(where),
                fmt::format("a profile of more than {} rows", kMostPprofRows));
  return std::move(out_);
}

}  // namespace ec
