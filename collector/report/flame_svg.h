#pragma once

#include <string>
#include <vector>

#include "collector/profile/folded.h"

namespace ec {

// A flame graph in one SVG without scripts or fonts of its own: the outermost frame at the bottom, width by weight, the
// whole name and its share in a tooltip. Frames below a thousandth of the width are left out, and said so. Names may be
// hostile.
std::string flame_svg(const std::string& title, const std::vector<WeightedStack>& stacks);

}  // namespace ec
