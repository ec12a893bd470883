// Builds a profile row by row: what equals an earlier row is that row. Every codec and every operation on profiles ends
// here, so that there is one kind of profile to read, to compute with and to write.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "collector/base/error.h"
#include "collector/profile/pprof.h"
#include "collector/profile/row_index.h"

namespace ec {

// A profile that does not need anybody else's bytes. Copies share the text, which never changes.
struct OwnedPprof {
  Pprof profile;
  std::vector<std::shared_ptr<const void>> text;  // what profile.strings point into
};

// parse_pprof() of bytes that go with the profile.
Result<OwnedPprof> own_pprof(std::string_view where, std::string bytes);

class ProfileBuilder {
 public:
  ProfileBuilder();

  // The index of a string, for the rows below. The text is copied when it is new.
  uint32_t text(std::string_view text);

  // Indices of rows for the rows that refer to them. The ids and slices of what is given do not count: ids will be 1,
  // 2, 3 …
  void sample_type(std::string_view type, std::string_view unit);
  uint32_t mapping(PprofMapping mapping);
  uint32_t function(PprofFunction function);
  uint32_t location(PprofLocation location, std::span<const PprofLine> lines);
  // `locations`: innermost first. `values`: one per sample type, all of which are set before. Where there is a sample
  // with these locations and labels already, the values are added to it.
  void sample(std::span<const uint32_t> locations, std::span<const int64_t> values,
              std::span<const PprofLabel> labels = {});

  // Times, period, default sample type, frames to drop, comments: the fields of Pprof that are no table.
  Pprof& header() { return out_.profile; }

  // Errors: unsupported (more rows of a kind than kMostPprofRows, stacks longer than 16 times that in sum: a profile
  // that parse_pprof() would refuse; what came after is not in it).
  Result<OwnedPprof> finish(std::string_view where) &&;

 private:
  char* room(size_t size);
  template <class Row>
  bool has_room(const std::vector<Row>& rows);

  OwnedPprof out_;
  RowIndex strings_, mappings_, functions_, locations_, samples_;
  char* free_ = nullptr;
  size_t free_bytes_ = 0;
  bool full_ = false;
};

}  // namespace ec
