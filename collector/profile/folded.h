// Folded stacks, as flame graph tools read and write them: "main;handle;read 12" a line, the outermost frame first.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"
#include "collector/profile/profile_builder.h"

namespace ec {

struct WeightedStack {
  std::vector<std::string> frames;  // outermost first
  uint64_t weight = 0;
};

// Sorted, equal stacks added up; ';' inside a name becomes ':'.
std::string folded_stacks(const std::vector<WeightedStack>& stacks);

// One sample type, samples in counts. Empty lines and those that begin with '#' are passed over. Errors: malformed with
// the line (no count at its end, no stack before it).
Result<OwnedPprof> parse_folded(std::string_view where, std::string_view text);

}  // namespace ec
