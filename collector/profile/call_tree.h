// A profile as one weighted tree of calls: what flame graphs and folded stacks show. Unlike in the graph of functions,
// a function called from two places is two nodes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collector/profile/profile_query.h"

namespace ec {

struct CallTreeFrame {
  std::string name;         // as the profile has it: not for a terminal or a page as it is
  std::string object_file;  // that of the mapping in which the function was met first, "" when not known
};
struct CallTreeNode {
  uint32_t parent = 0;          // always before the node
  uint32_t frame = 0;           // index into CallTree::frames
  int64_t self = 0, total = 0;  // negative in what a base was taken off
  bool inlined = false;         // into its caller, always
};
struct CallTree {
  std::vector<CallTreeFrame> frames;
  std::vector<CallTreeNode> nodes;  // nodes[0] is the root: no frame, the sum of all samples
};

// Stacks deeper than `deepest` end there: the frames that are left out count for the last one.
CallTree call_tree(const ChosenProfile& chosen, size_t deepest = 1024);

}  // namespace ec
