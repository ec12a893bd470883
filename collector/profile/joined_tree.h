// Several trees of calls as one, so that the same call stands in the same place in each of them: two profiles side by
// side.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collector/profile/call_tree.h"

namespace ec {

struct JoinedNode {
  uint32_t parent = 0;          // always before the node
  uint32_t frame = 0;           // index into JoinedTree::frames
  std::vector<int64_t> values;  // one for each tree, its callees included; never negative
};
struct JoinedTree {
  std::vector<CallTreeFrame> frames;
  std::vector<JoinedNode> nodes;  // nodes[0] is the root; siblings by what they are worth in the tree that has most
  bool left_out = false;          // nodes below the share
  bool negative = false;          // some values were below zero, and count as nothing
};

// Nodes that are a smaller part than `least_share` of the whole of every tree are left out. At least one tree.
JoinedTree join_trees(const std::vector<const CallTree*>& trees, double least_share);

}  // namespace ec
