#include "collector/profile/legacy_profile.h"

#include <string>
#include <utility>

#include "collector/base/text.h"
#include "collector/profile/legacy_frames.h"
#include "collector/profile/legacy_maps.h"

namespace ec {

namespace {

PprofMapping mapping_row(ProfileBuilder& builder, const LegacyMapping& mapping) {
  PprofMapping row;
  row.start = mapping.start;
  row.limit = mapping.limit;
  row.file_offset = mapping.offset;
  row.file = builder.text(mapping.file);
  row.build_id = builder.text(mapping.build_id);
  return row;
}

}  // namespace

bool read_addresses(std::string_view text, std::vector<uint64_t>& addresses) {
  FieldCursor fields(text);
  addresses.clear();
  while (auto word = fields.word()) {
    if (!word->starts_with("0x")) return false;
    auto address = parse_number<uint64_t>(word->substr(2), 16);
    if (!address) return false;
    addresses.push_back(*address);
  }
  return true;
}

void LegacyProfile::period_type(std::string_view type, std::string_view unit, int64_t period) {
  uint32_t type_text = builder_.text(type), unit_text = builder_.text(unit);
  header().period_type = {type_text, unit_text};
  header().period = period;
}

void LegacyProfile::sample(std::span<const uint64_t> addresses, AddressKind kind, std::span<const int64_t> values,
                           std::optional<int64_t> block_bytes) {
  Sample sample;
  sample.addresses = {static_cast<uint32_t>(addresses_.size()), static_cast<uint32_t>(addresses.size())};
  sample.values = {static_cast<uint32_t>(values_.size()), static_cast<uint32_t>(values.size())};
  sample.block_bytes = block_bytes;
  for (size_t i = 0; i < addresses.size(); ++i) {
    bool is_return = kind == AddressKind::kReturns || (kind == AddressKind::kExactLeaf && i > 0);
    addresses_.push_back(is_return && addresses[i] > 0 ? addresses[i] - 1 : addresses[i]);
  }
  no_code_ = kind == AddressKind::kNames;
  values_.insert(values_.end(), values.begin(), values.end());
  samples_.push_back(sample);
}

void LegacyProfile::repeat_last() {
  if (samples_.empty()) return;
  const PprofSlice& slice = samples_.back().values;
  for (uint32_t i = 0; i < slice.count; ++i)
    if (values_[slice.first + i] < INT64_MAX) ++values_[slice.first + i];
}

uint32_t LegacyProfile::location(uint64_t address, uint32_t mapping) {
  PprofLocation location;
  location.address = address;
  location.mapping = mapping;
  auto known = names_.find(address);
  if (known == names_.end() || known->second.function.empty()) return builder_.location(location, {});
  if (no_code_) location.address = 0;
  PprofFunction function;
  function.name = function.system_name = builder_.text(known->second.function);
  function.file = builder_.text(known->second.file);
  PprofLine line{builder_.function(function), known->second.line};
  return builder_.location(location, {&line, 1});
}

Result<OwnedPprof> LegacyProfile::finish(std::string_view where, std::string_view maps_text) && {
  LegacyMaps maps(maps_text);
  std::vector<uint32_t> mappings;
  for (const LegacyMapping& mapping : maps.mappings())
    mappings.push_back(builder_.mapping(mapping_row(builder_, mapping)));
  // Addresses outside of the map belong to a mapping of everything, as google/pprof has it: some readers need one.
  std::optional<uint32_t> everything;
  auto mapping_of = [&](uint64_t address) {
    if (address == 0 || no_code_) return kNoPprofMapping;
    if (auto row = maps.find(address)) return mappings[*row];
    if (!everything) everything = builder_.mapping({.limit = UINT64_MAX});
    return *everything;
  };
  std::unordered_map<uint64_t, uint32_t> locations;
  uint32_t bytes_key = builder_.text("bytes");
  std::vector<uint32_t> stack;
  for (const Sample& sample : samples_) {
    stack.clear();
    for (uint32_t i = 0; i < sample.addresses.count; ++i) {
      uint64_t address = addresses_[sample.addresses.first + i];
      auto [place, is_new] = locations.try_emplace(address);
      if (is_new) place->second = location(address, mapping_of(address));
      stack.push_back(place->second);
    }
    std::span<const int64_t> values(values_.data() + sample.values.first, sample.values.count);
    PprofLabel size{.key = bytes_key, .number = sample.block_bytes.value_or(0)};
    builder_.sample(stack, values, {&size, sample.block_bytes ? 1u : 0u});
  }
  set_frames_to_drop(builder_);
  return std::move(builder_).finish(where);
}

}  // namespace ec
