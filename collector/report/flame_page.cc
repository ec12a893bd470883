#include "collector/report/flame_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "collector/base/text.h"
#include "collector/profile/joined_tree.h"
#include "collector/report/embedded_text.h"
#include "collector/report/json_text.h"

namespace ec {

namespace {

using Out = std::back_insert_iterator<std::string>;

constexpr double kLeastShare = 1e-4;
constexpr size_t kLongestName = 1000;
constexpr std::string_view kPlace = "@DATA@";

// In a script element nothing may look like its end, or like a comment.
std::string inside_script(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  for (char c : json)
    if (c == '<')
      out += "\\u003c";
    else
      out += c;
  return out;
}

}  // namespace

std::string flame_json(std::string_view title, std::string_view unit, const std::vector<FlamePane>& panes) {
  std::vector<const CallTree*> trees;
  for (const FlamePane& pane : panes) trees.push_back(&pane.tree);
  JoinedTree joined = join_trees(trees, kLeastShare);
  std::string out = "{";
  append_json_field(out, "title", printable_line(title, kLongestName));
  append_json_field(out, "unit", printable_line(unit, 40));
  out += "\"panes\":[";
  const char* comma = "";
  for (const FlamePane& pane : panes) {
    out += std::exchange(comma, ",");
    append_json_string(out, printable_line(pane.name, 200));
  }
  out += "],\n\"frames\":[";
  comma = "";
  for (const CallTreeFrame& frame : joined.frames) {
    out += std::exchange(comma, ",\n");
    out += '[';
    append_json_string(out, printable_line(frame.name, kLongestName));
    out += ',';
    append_json_string(
        out, printable_line(std::string_view(frame.object_file).substr(frame.object_file.rfind('/') + 1), 200));
    out += ']';
  }
  out += "],\n\"nodes\":[";
  comma = "";
  for (const JoinedNode& node : joined.nodes) {
    fmt::format_to(Out(out), "{}[{},{},{}]", std::exchange(comma, ",\n"), node.parent, node.frame,
                   fmt::join(node.values, ","));
  }
  out += "],\n\"notes\":[";
  comma = "";
  auto note = [&](bool wanted, std::string_view text) {
    if (!wanted) return;
    out += std::exchange(comma, ",");
    append_json_string(out, text);
  };
  note(joined.left_out, "Calls below 0.01 % of the whole are left out.");
  note(joined.negative, "What is less than in the base is not drawn.");
  return out + "]}\n";
}

std::string flame_page(std::string_view title, std::string_view unit, const std::vector<FlamePane>& panes) {
  std::string page(kFlamePage);
  page.replace(page.find(kPlace), kPlace.size(), inside_script(flame_json(title, unit, panes)));
  return page;
}

std::vector<WeightedStack> weighted_stacks(const CallTree& tree) {
  std::vector<WeightedStack> stacks;
  for (size_t i = 0; i < tree.nodes.size(); ++i) {
    if (tree.nodes[i].self <= 0) continue;
    WeightedStack stack{{}, static_cast<uint64_t>(tree.nodes[i].self)};
    for (size_t at = i; at != 0; at = tree.nodes[at].parent)
      stack.frames.push_back(tree.frames[tree.nodes[at].frame].name);
    std::reverse(stack.frames.begin(), stack.frames.end());
    stacks.push_back(std::move(stack));
  }
  return stacks;
}

}  // namespace ec
