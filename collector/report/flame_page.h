// A flame graph as one page for a browser: zoom, search, colours by module; two profiles side by side. The page holds
// all that it needs and may load nothing (its Content-Security-Policy); names are hostile and never become markup.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collector/profile/call_tree.h"
#include "collector/report/flame_svg.h"

namespace ec {

struct FlamePane {
  std::string name;  // above the pane, when there are several: "before"
  CallTree tree;
};

// `unit` of the values as profiles name it: "nanoseconds", "bytes", "count". One pane or two.
std::string flame_page(std::string_view title, std::string_view unit, const std::vector<FlamePane>& panes);
// What the page shows, as JSON: title, unit, panes, frames, nodes, notes.
std::string flame_json(std::string_view title, std::string_view unit, const std::vector<FlamePane>& panes);
// For flame_svg(): one for each node that has something of its own.
std::vector<WeightedStack> weighted_stacks(const CallTree& tree);

}  // namespace ec
