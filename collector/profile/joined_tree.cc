#include "collector/profile/joined_tree.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

namespace ec {

namespace {

class Joiner {
 public:
  explicit Joiner(size_t trees) : trees_(trees) { add_node(0, 0); }

  void add(const CallTree& tree, size_t number) {
    std::vector<uint32_t> frames, nodes(tree.nodes.size(), 0);
    for (const CallTreeFrame& frame : tree.frames) frames.push_back(frame_like(frame));
    for (size_t i = 0; i < tree.nodes.size(); ++i) {
      const CallTreeNode& node = tree.nodes[i];
      if (i > 0) nodes[i] = child(nodes[node.parent], frames[node.frame]);
      out_.negative |= node.self < 0;
      out_.nodes[nodes[i]].values[number] += std::max<int64_t>(node.self, 0);
    }
  }

  JoinedTree take(double least_share) && {
    for (size_t i = out_.nodes.size(); i-- > 1;)
      for (size_t number = 0; number < trees_; ++number)
        out_.nodes[out_.nodes[i].parent].values[number] += out_.nodes[i].values[number];
    arrange(least_share);
    return std::move(out_);
  }

 private:
  uint32_t frame_like(const CallTreeFrame& frame) {
    auto [found, added] =
        frames_.try_emplace({frame.name, frame.object_file}, static_cast<uint32_t>(out_.frames.size()));
    if (added) out_.frames.push_back(frame);
    return found->second;
  }

  void add_node(uint32_t parent, uint32_t frame) {
    out_.nodes.push_back({parent, frame, std::vector<int64_t>(trees_, 0)});
  }

  uint32_t child(uint32_t parent, uint32_t frame) {
    auto [found, added] = children_.try_emplace({parent, frame}, static_cast<uint32_t>(out_.nodes.size()));
    if (added) add_node(parent, frame);
    return found->second;
  }

  double share(const JoinedNode& node) const {
    double most = 0;
    for (size_t number = 0; number < trees_; ++number)
      if (int64_t whole = out_.nodes.front().values[number]; whole > 0)
        most = std::max(most, static_cast<double>(node.values[number]) / static_cast<double>(whole));
    return most;
  }

  // Row after row of the tree: parents first, siblings by their share.
  void arrange(double least_share) {
    std::vector<std::vector<uint32_t>> children(out_.nodes.size());
    std::vector<double> shares(out_.nodes.size(), 1);
    for (uint32_t i = 1; i < out_.nodes.size(); ++i) {
      shares[i] = share(out_.nodes[i]);
      if (shares[i] > 0 && shares[i] >= least_share)
        children[out_.nodes[i].parent].push_back(i);
      else
        out_.left_out |= shares[i] > 0;
    }
    std::vector<JoinedNode> arranged{out_.nodes.front()};
    std::vector<uint32_t> before{0};  // the number that arranged nodes had
    for (uint32_t at = 0; at < arranged.size(); ++at) {
      auto& row = children[before[at]];
      std::stable_sort(row.begin(), row.end(), [&](uint32_t a, uint32_t b) { return shares[a] > shares[b]; });
      for (uint32_t i : row) {
        arranged.push_back({at, out_.nodes[i].frame, std::move(out_.nodes[i].values)});
        before.push_back(i);
      }
    }
    out_.nodes = std::move(arranged);
  }

  size_t trees_;
  JoinedTree out_;
  std::map<std::pair<std::string, std::string>, uint32_t> frames_;
  std::map<std::pair<uint32_t, uint32_t>, uint32_t> children_;
};

}  // namespace

JoinedTree join_trees(const std::vector<const CallTree*>& trees, double least_share) {
  Joiner joiner(trees.size());
  for (size_t i = 0; i < trees.size(); ++i) joiner.add(*trees[i], i);
  return std::move(joiner).take(least_share);
}

}  // namespace ec
