#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ec {

struct WeightedStack {
  std::vector<std::string> frames;  // outermost first
  uint64_t weight = 0;
};

// "main;handle;read 12" a line, as flame graph tools read it; ';' inside a name becomes ':'.
std::string folded_stacks(const std::vector<WeightedStack>& stacks);

// A flame graph in one SVG without scripts or fonts of its own: the outermost frame at the bottom, width by weight, the
// whole name and its share in a tooltip. Frames below a thousandth of the width are left out, and said so. Names may be
// hostile.
std::string flame_svg(const std::string& title, const std::vector<WeightedStack>& stacks);

}  // namespace ec
