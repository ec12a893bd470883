// profile.proto, the format of Go's pprof: https://github.com/google/pprof/blob/main/proto/profile.proto
//
// Everything refers to a string table by index, and samples refer to locations, locations to functions by id. All of
// these references come from the target and are checked here, once, so that readers of a Pprof need not.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"

namespace ec {

// String members are indices into Pprof::strings, always in range. String 0 is "".
struct PprofValueType {
  uint32_t type = 0, unit = 0;
  bool operator==(const PprofValueType&) const = default;
};

struct PprofLabel {
  uint32_t key = 0, text = 0, unit = 0;
  int64_t number = 0;
  bool operator==(const PprofLabel&) const = default;
};

// A slice of one of the pools of Pprof: thousands of samples share three vectors.
struct PprofSlice {
  uint32_t first = 0, count = 0;
  bool operator==(const PprofSlice&) const = default;
};

struct PprofSample {
  PprofSlice locations;  // of Pprof::stack, innermost first
  PprofSlice values;     // of Pprof::values, one per sample type
  PprofSlice labels;     // of Pprof::labels
  bool operator==(const PprofSample&) const = default;
};

struct PprofMapping {
  uint64_t id = 0, start = 0, limit = 0, file_offset = 0;
  uint32_t file = 0, build_id = 0;
  // What the locations of the mapping have already; what they have not, a reader may look up.
  bool has_functions = false, has_filenames = false, has_line_numbers = false, has_inline_frames = false;
  bool operator==(const PprofMapping&) const = default;
};

struct PprofLine {
  uint32_t function = 0;  // index into Pprof::functions
  int64_t line = 0, column = 0;
  bool operator==(const PprofLine&) const = default;
};

constexpr uint32_t kNoPprofMapping = UINT32_MAX;

struct PprofLocation {
  uint64_t id = 0, address = 0;
  uint32_t mapping = kNoPprofMapping;  // index into Pprof::mappings
  PprofSlice lines{};                  // of Pprof::lines, innermost inlined function first; none without symbols
  bool is_folded = false;              // several functions have this code
  bool operator==(const PprofLocation&) const = default;
};

struct PprofFunction {
  uint64_t id = 0;
  uint32_t name = 0, system_name = 0, file = 0;
  int64_t start_line = 0;
  bool operator==(const PprofFunction&) const = default;
};

struct Pprof {
  std::vector<std::string_view> strings;  // views into the bytes that were parsed
  std::vector<PprofValueType> sample_types;
  std::vector<PprofSample> samples;
  std::vector<uint32_t> stack;  // indices into locations
  std::vector<int64_t> values;
  std::vector<PprofLabel> labels;
  std::vector<PprofMapping> mappings;
  std::vector<PprofLocation> locations;
  std::vector<PprofLine> lines;
  std::vector<PprofFunction> functions;
  PprofValueType period_type;
  int64_t time_ns = 0, duration_ns = 0, period = 0;
  uint32_t default_sample_type = 0;
  // Regular expressions over function names: frames below a dropped one that is not kept are of no interest.
  uint32_t drop_frames = 0, keep_frames = 0;
  uint32_t doc_url = 0;
  std::vector<uint32_t> comments;  // strings
  bool operator==(const Pprof&) const = default;
};

// `bytes` after gunzip(); they must outlive the result. Errors: malformed (wire format, a reference to a string,
// function or location that is not there, an id that is 0 or not unique, a sample without one value per sample type),
// truncated (a field that is longer than the rest; no sample type at all), unsupported (more samples, locations or
// functions than kMostPprofRows, or more than kMostPprofFrames in all stacks).
constexpr size_t kMostPprofRows = 4'000'000;
// Functions in all stacks together, inlined ones too. A location may have many, and stacks may have it often: a million
// times a million would fit into a megabyte.
constexpr size_t kMostPprofFrames = 64 * kMostPprofRows;
// Of what a served profile unpacks to, the bytes beyond are not looked at.
constexpr size_t kMostUnpackedPprof = size_t{256} << 20;
Result<Pprof> parse_pprof(std::string_view where, std::string_view bytes);

// Nothing when `served` (gzip or bare protobuf) is a whole profile; else why not.
Result<void> check_pprof(std::string_view where, std::string_view served);

}  // namespace ec
