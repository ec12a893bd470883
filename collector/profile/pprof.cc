#include "collector/profile/pprof.h"

#include <algorithm>
#include <limits>
#include <protozero/pbf_message.hpp>

#include "collector/profile/id_index.h"

namespace ec {

namespace {

using protozero::pbf_reader;

std::string_view view(const protozero::data_view& data) { return {data.data(), data.size()}; }

// A broken rule of profile.proto, as opposed to one of the wire format.
struct Broken {
  ErrorCode code;
  std::string what;
};
[[noreturn]] void broken(std::string what) { throw Broken{ErrorCode::kMalformed, std::move(what)}; }

template <class T>
void bound(const std::vector<T>& rows, const char* name) {
  if (rows.size() >= kMostPprofRows)
    throw Broken{ErrorCode::kUnsupported, fmt::format("more than {} {}", kMostPprofRows, name)};
}

uint32_t string_index(int64_t value) {
  if (value < 0 || value > std::numeric_limits<uint32_t>::max())
    broken(fmt::format("string index {} out of range", value));
  return static_cast<uint32_t>(value);
}

template <class T>
PprofSlice slice(const std::vector<T>& pool, size_t first) {
  return {static_cast<uint32_t>(first), static_cast<uint32_t>(pool.size() - first)};
}

// protozero only asserts that the wire type is the one of the getter: the bytes decide, so ask first.
void expect_type(const pbf_reader& reader, protozero::pbf_wire_type type) {
  if (reader.wire_type() != type)
    broken(fmt::format("field {} has wire type {}", reader.tag(), static_cast<int>(reader.wire_type())));
}
int64_t number(pbf_reader& reader) {
  expect_type(reader, protozero::pbf_wire_type::varint);
  return reader.get_int64();
}
uint64_t id_number(pbf_reader& reader) { return static_cast<uint64_t>(number(reader)); }
std::string_view bytes_of(pbf_reader& reader) {
  expect_type(reader, protozero::pbf_wire_type::length_delimited);
  return view(reader.get_view());
}
pbf_reader message(pbf_reader& reader) {
  auto bytes = bytes_of(reader);
  return pbf_reader(bytes.data(), bytes.size());
}

// proto3 packs repeated numbers; writers that do not are legal too.
template <class Each>
void repeated_uint64(pbf_reader& reader, Each each) {
  if (reader.wire_type() == protozero::pbf_wire_type::length_delimited)
    for (uint64_t value : reader.get_packed_uint64()) each(value);
  else
    each(id_number(reader));
}

class Decoder {
 public:
  explicit Decoder(Pprof& profile) : out_(profile) {}

  void decode(std::string_view bytes) {
    // Ids may be referred to before they are defined: samples keep raw ids until everything is read.
    pbf_reader reader(bytes.data(), bytes.size());
    while (reader.next()) field(reader);
    link();
  }

 private:
  void field(pbf_reader& reader) {
    switch (reader.tag()) {
      case 1:
        out_.sample_types.push_back(value_type(message(reader)));
        bound(out_.sample_types, "sample types");
        break;
      case 2:
        sample(message(reader));
        break;
      case 3:
        mapping(message(reader));
        break;
      case 4:
        location(message(reader));
        break;
      case 5:
        function(message(reader));
        break;
      case 6:
        bound(out_.strings, "strings");
        out_.strings.push_back(bytes_of(reader));
        break;
      case 7:
        out_.drop_frames = string_index(number(reader));
        break;
      case 8:
        out_.keep_frames = string_index(number(reader));
        break;
      case 9:
        out_.time_ns = number(reader);
        break;
      case 10:
        out_.duration_ns = number(reader);
        break;
      case 11:
        out_.period_type = value_type(message(reader));
        break;
      case 12:
        out_.period = number(reader);
        break;
      case 13:
        repeated_uint64(reader, [&](uint64_t index) {
          bound(out_.comments, "comments");
          out_.comments.push_back(string_index(static_cast<int64_t>(index)));
        });
        break;
      case 14:
        out_.default_sample_type = string_index(number(reader));
        break;
      case 15:
        out_.doc_url = string_index(number(reader));
        break;
      default:
        reader.skip();
        break;
    }
  }

  static PprofValueType value_type(pbf_reader reader) {
    PprofValueType type;
    while (reader.next()) switch (reader.tag()) {
        case 1:
          type.type = string_index(number(reader));
          break;
        case 2:
          type.unit = string_index(number(reader));
          break;
        default:
          reader.skip();
          break;
      }
    return type;
  }

  void sample(pbf_reader reader) {
    bound(out_.samples, "samples");
    size_t first_location = location_ids_.size(), first_value = out_.values.size(), first_label = out_.labels.size();
    while (reader.next()) switch (reader.tag()) {
        case 1:
          repeated_uint64(reader, [&](uint64_t id) {
            if (location_ids_.size() >= 16 * kMostPprofRows) throw Broken{ErrorCode::kUnsupported, "stacks too long"};
            location_ids_.push_back(id);
          });
          break;
        case 2:
          repeated_uint64(reader, [&](uint64_t value) {
            if (out_.values.size() >= 16 * kMostPprofRows) throw Broken{ErrorCode::kUnsupported, "too many values"};
            out_.values.push_back(static_cast<int64_t>(value));
          });
          break;
        case 3:
          bound(out_.labels, "labels");
          out_.labels.push_back(label(message(reader)));
          break;
        default:
          reader.skip();
          break;
      }
    out_.samples.push_back(
        {slice(location_ids_, first_location), slice(out_.values, first_value), slice(out_.labels, first_label)});
  }

  static PprofLabel label(pbf_reader reader) {
    PprofLabel label;
    while (reader.next()) switch (reader.tag()) {
        case 1:
          label.key = string_index(number(reader));
          break;
        case 2:
          label.text = string_index(number(reader));
          break;
        case 3:
          label.number = number(reader);
          break;
        case 4:
          label.unit = string_index(number(reader));
          break;
        default:
          reader.skip();
          break;
      }
    return label;
  }

  void mapping(pbf_reader reader) {
    bound(out_.mappings, "mappings");
    PprofMapping mapping;
    while (reader.next()) switch (reader.tag()) {
        case 1:
          mapping.id = id_number(reader);
          break;
        case 2:
          mapping.start = id_number(reader);
          break;
        case 3:
          mapping.limit = id_number(reader);
          break;
        case 4:
          mapping.file_offset = id_number(reader);
          break;
        case 5:
          mapping.file = string_index(number(reader));
          break;
        case 6:
          mapping.build_id = string_index(number(reader));
          break;
        case 7:
          mapping.has_functions = number(reader) != 0;
          break;
        case 8:
          mapping.has_filenames = number(reader) != 0;
          break;
        case 9:
          mapping.has_line_numbers = number(reader) != 0;
          break;
        case 10:
          mapping.has_inline_frames = number(reader) != 0;
          break;
        default:
          reader.skip();
          break;
      }
    out_.mappings.push_back(mapping);
  }

  void location(pbf_reader reader) {
    bound(out_.locations, "locations");
    PprofLocation location;
    uint64_t mapping_id = 0;
    size_t first = out_.lines.size();
    while (reader.next()) switch (reader.tag()) {
        case 1:
          location.id = id_number(reader);
          break;
        case 2:
          mapping_id = id_number(reader);
          break;
        case 3:
          location.address = id_number(reader);
          break;
        case 4:
          line(message(reader));
          break;
        case 5:
          location.is_folded = number(reader) != 0;
          break;
        default:
          reader.skip();
          break;
      }
    location.lines = slice(out_.lines, first);
    out_.locations.push_back(location);
    mapping_ids_.push_back(mapping_id);
  }

  void line(pbf_reader reader) {
    bound(out_.lines, "lines");
    PprofLine line;
    uint64_t function_id = 0;
    while (reader.next()) switch (reader.tag()) {
        case 1:
          function_id = id_number(reader);
          break;
        case 2:
          line.line = number(reader);
          break;
        case 3:
          line.column = number(reader);
          break;
        default:
          reader.skip();
          break;
      }
    out_.lines.push_back(line);
    function_ids_.push_back(function_id);
  }

  void function(pbf_reader reader) {
    bound(out_.functions, "functions");
    PprofFunction function;
    while (reader.next()) switch (reader.tag()) {
        case 1:
          function.id = id_number(reader);
          break;
        case 2:
          function.name = string_index(number(reader));
          break;
        case 3:
          function.system_name = string_index(number(reader));
          break;
        case 4:
          function.file = string_index(number(reader));
          break;
        case 5:
          function.start_line = number(reader);
          break;
        default:
          reader.skip();
          break;
      }
    out_.functions.push_back(function);
  }

  template <class Row>
  static IdIndex index_of(const std::vector<Row>& rows, const char* name) {
    IdIndex index;
    if (auto wrong = index.build(rows))
      broken(*wrong == 0 ? fmt::format("{} with id 0", name) : fmt::format("{} id {} twice", name, *wrong));
    return index;
  }

  void check(std::initializer_list<uint32_t> indices) const {
    for (uint32_t index : indices)
      if (index != 0 && index >= out_.strings.size())
        broken(fmt::format("string index {} of {} strings", index, out_.strings.size()));
  }

  void link() {
    if (out_.sample_types.empty()) throw Broken{ErrorCode::kTruncated, "no sample type"};
    if (out_.strings.empty()) throw Broken{ErrorCode::kTruncated, "no string table"};
    if (!out_.strings[0].empty()) broken("string 0 must be empty");
    IdIndex functions = index_of(out_.functions, "function");
    for (size_t i = 0; i < out_.lines.size(); ++i) {
      auto found = functions.find(function_ids_[i]);
      if (!found) broken(fmt::format("a line refers to function {}, which is not there", function_ids_[i]));
      out_.lines[i].function = *found;
    }
    IdIndex mappings = index_of(out_.mappings, "mapping");
    for (size_t i = 0; i < out_.locations.size(); ++i)
      out_.locations[i].mapping = mappings.find(mapping_ids_[i]).value_or(kNoPprofMapping);
    IdIndex locations = index_of(out_.locations, "location");
    out_.stack.reserve(location_ids_.size());
    size_t frames = 0;
    for (uint64_t id : location_ids_) {
      auto found = locations.find(id);
      if (!found) broken(fmt::format("a sample refers to location {}, which is not there", id));
      out_.stack.push_back(*found);
      frames += std::max<uint32_t>(1, out_.locations[*found].lines.count);
      if (frames > kMostPprofFrames) throw Broken{ErrorCode::kUnsupported, "stacks too long with what is inlined"};
    }
    for (const auto& sample : out_.samples)
      if (sample.values.count != out_.sample_types.size())
        broken(
            fmt::format("a sample with {} values for {} sample types", sample.values.count, out_.sample_types.size()));
    for (const auto& type : out_.sample_types) check({type.type, type.unit});
    for (const auto& label : out_.labels) check({label.key, label.text, label.unit});
    for (const auto& mapping : out_.mappings) check({mapping.file, mapping.build_id});
    for (const auto& function : out_.functions) check({function.name, function.system_name, function.file});
    check({out_.period_type.type, out_.period_type.unit, out_.default_sample_type, out_.drop_frames, out_.keep_frames,
           out_.doc_url});
    for (uint32_t comment : out_.comments) check({comment});
  }

  Pprof& out_;
  std::vector<uint64_t> location_ids_, function_ids_, mapping_ids_;  // parallel to the pools stack, lines, locations
};

}  // namespace

Result<Pprof> parse_pprof(std::string_view where, std::string_view bytes) {
  Pprof profile;
  try {
    Decoder(profile).decode(bytes);
  } catch (const Broken& problem) {
    return fail(problem.code, std::string(where), "profile.proto: " + problem.what);
  } catch (const protozero::end_of_buffer_exception&) {
    return fail(ErrorCode::kTruncated, std::string(where), "profile.proto: a field is longer than what is left");
  } catch (const protozero::exception&) {
    return fail(ErrorCode::kMalformed, std::string(where), "profile.proto: bytes that are no fields of a message");
  }
  return profile;
}

}  // namespace ec
