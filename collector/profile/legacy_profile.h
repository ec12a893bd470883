// What the text and binary profiles that came before profile.proto have in common: stacks of bare addresses, the memory
// map of the process behind them, and sometimes names in comments.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "collector/base/error.h"
#include "collector/profile/go_text_frame.h"
#include "collector/profile/profile_builder.h"

namespace ec {

enum class AddressKind {
  kReturns,    // each is behind a call: the call is one byte before
  kExactLeaf,  // the same, but the innermost is where the program counter was
  kNames,      // of locations, not of code
};

class LegacyProfile {
 public:
  void sample_type(std::string_view type, std::string_view unit) { builder_.sample_type(type, unit); }
  void period_type(std::string_view type, std::string_view unit, int64_t period);
  Pprof& header() { return builder_.header(); }

  // `addresses` as they stand in the profile, innermost first. `block_bytes`: the size of one allocation.
  void sample(std::span<const uint64_t> addresses, AddressKind kind, std::span<const int64_t> values,
              std::optional<int64_t> block_bytes = std::nullopt);
  // One more of what the last sample counted.
  void repeat_last();
  // The text must live until finish().
  void name(const GoTextFrame& frame) { names_.try_emplace(frame.address, frame); }

  // `maps`: the text of the memory map, or "". Sets the frames to drop by the sample types, as google/pprof does.
  Result<OwnedPprof> finish(std::string_view where, std::string_view maps) &&;

 private:
  struct Sample {
    PprofSlice addresses, values;
    std::optional<int64_t> block_bytes;
  };
  uint32_t location(uint64_t address, uint32_t mapping);

  ProfileBuilder builder_;
  std::vector<uint64_t> addresses_;
  std::vector<int64_t> values_;
  std::vector<Sample> samples_;
  std::unordered_map<uint64_t, GoTextFrame> names_;
  bool no_code_ = false;
};

// "0x7f957124524a 0x55b86e0be201": false when there is another word among them, or a number of more than 64 bits.
bool read_addresses(std::string_view text, std::vector<uint64_t>& addresses);

}  // namespace ec
