#include "collector/profile/pprof_writer.h"

#include <initializer_list>
#include <protozero/pbf_writer.hpp>

#include "collector/profile/gzip.h"

namespace ec {

namespace {

using protozero::pbf_writer;

// profile.proto: fields of Profile, then of the messages inside it.
enum : uint32_t {
  kSampleType = 1,
  kSample,
  kMapping,
  kLocation,
  kFunction,
  kStringTable,
  kDropFrames,
  kKeepFrames,
  kTimeNanos,
  kDurationNanos,
  kPeriodType,
  kPeriod,
  kComment,
  kDefaultSampleType,
  kDocUrl
};

// Fields `first`, `first` + 1 …
void add_int64s(pbf_writer& message, uint32_t first, std::initializer_list<int64_t> values) {
  for (int64_t value : values) message.add_int64(first++, value);
}

// Absent is 0 in proto3.
void add_unless_0(pbf_writer& message, uint32_t field, int64_t value) {
  if (value != 0) message.add_int64(field, value);
}

void write_value_type(pbf_writer& out, uint32_t field, const PprofValueType& type) {
  pbf_writer message(out, field);
  add_int64s(message, 1, {type.type, type.unit});
}

void write_sample(pbf_writer& out, const Pprof& profile, const PprofSample& sample) {
  pbf_writer message(out, kSample);
  {
    protozero::packed_field_uint64 ids(message, 1);
    for (uint32_t i = 0; i < sample.locations.count; ++i)
      ids.add_element(profile.locations[profile.stack[sample.locations.first + i]].id);
  }
  {
    protozero::packed_field_int64 values(message, 2);
    for (uint32_t i = 0; i < sample.values.count; ++i) values.add_element(profile.values[sample.values.first + i]);
  }
  for (uint32_t i = 0; i < sample.labels.count; ++i) {
    const PprofLabel& label = profile.labels[sample.labels.first + i];
    pbf_writer one(message, 3);
    one.add_int64(1, label.key);
    add_unless_0(one, 2, label.text);
    if (label.text == 0 || label.number != 0) one.add_int64(3, label.number);
    add_unless_0(one, 4, label.unit);
  }
}

void write_mapping(pbf_writer& out, const PprofMapping& mapping) {
  pbf_writer message(out, kMapping);
  message.add_uint64(1, mapping.id);
  message.add_uint64(2, mapping.start);
  message.add_uint64(3, mapping.limit);
  message.add_uint64(4, mapping.file_offset);
  add_int64s(message, 5, {mapping.file, mapping.build_id});
  uint32_t field = 7;
  for (bool has : {mapping.has_functions, mapping.has_filenames, mapping.has_line_numbers, mapping.has_inline_frames})
    message.add_bool(field++, has);
}

void write_location(pbf_writer& out, const Pprof& profile, const PprofLocation& location) {
  pbf_writer message(out, kLocation);
  message.add_uint64(1, location.id);
  if (location.mapping != kNoPprofMapping) message.add_uint64(2, profile.mappings[location.mapping].id);
  message.add_uint64(3, location.address);
  for (uint32_t i = 0; i < location.lines.count; ++i) {
    const PprofLine& line = profile.lines[location.lines.first + i];
    pbf_writer one(message, 4);
    one.add_uint64(1, profile.functions[line.function].id);
    one.add_int64(2, line.line);
    add_unless_0(one, 3, line.column);
  }
  if (location.is_folded) message.add_bool(5, true);
}

void write_function(pbf_writer& out, const PprofFunction& function) {
  pbf_writer message(out, kFunction);
  message.add_uint64(1, function.id);
  add_int64s(message, 2, {function.name, function.system_name, function.file, function.start_line});
}

}  // namespace

std::string write_pprof(const Pprof& profile) {
  std::string bytes;
  pbf_writer out(bytes);
  for (const PprofValueType& type : profile.sample_types) write_value_type(out, kSampleType, type);
  for (const PprofSample& sample : profile.samples) write_sample(out, profile, sample);
  for (const PprofMapping& mapping : profile.mappings) write_mapping(out, mapping);
  for (const PprofLocation& location : profile.locations) write_location(out, profile, location);
  for (const PprofFunction& function : profile.functions) write_function(out, function);
  for (std::string_view text : profile.strings) out.add_string(kStringTable, text.data(), text.size());
  add_unless_0(out, kDropFrames, profile.drop_frames);
  add_unless_0(out, kKeepFrames, profile.keep_frames);
  add_unless_0(out, kTimeNanos, profile.time_ns);
  add_unless_0(out, kDurationNanos, profile.duration_ns);
  if (profile.period_type != PprofValueType{}) write_value_type(out, kPeriodType, profile.period_type);
  add_unless_0(out, kPeriod, profile.period);
  out.add_packed_int64(kComment, profile.comments.begin(), profile.comments.end());
  add_unless_0(out, kDefaultSampleType, profile.default_sample_type);
  add_unless_0(out, kDocUrl, profile.doc_url);
  return gzip(bytes);
}

}  // namespace ec
