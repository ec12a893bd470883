#include "collector/profile/call_tree.h"

#include "collector/profile/call_graph.h"
#include "collector/profile/measurement.h"
#include "collector/profile/row_index.h"

namespace ec {

namespace {

class TreeBuilder {
 public:
  TreeBuilder() { nodes_.push_back({}); }

  uint32_t child(uint32_t parent, uint32_t frame, bool inlined) {
    auto next = static_cast<uint32_t>(nodes_.size());
    uint64_t hash = RowHash().add(static_cast<uint64_t>(parent) << 32 | frame).value();
    uint32_t found = index_.find_or_add(
        hash, next, [&](uint32_t row) { return nodes_[row].parent == parent && nodes_[row].frame == frame; });
    if (found == next)
      nodes_.push_back({parent, frame, 0, 0, inlined});
    else
      nodes_[found].inlined = nodes_[found].inlined && inlined;
    return found;
  }
  void add(uint32_t node, int64_t value) { nodes_[node].self = wrapping_sum(nodes_[node].self, value); }

  // Parents are before their children: one walk back adds everything up.
  std::vector<CallTreeNode> nodes() && {
    for (size_t i = nodes_.size(); i-- > 0;) {
      CallTreeNode& node = nodes_[i];
      node.total = wrapping_sum(node.total, node.self);
      if (i > 0) nodes_[node.parent].total = wrapping_sum(nodes_[node.parent].total, node.total);
    }
    return std::move(nodes_);
  }

 private:
  std::vector<CallTreeNode> nodes_;
  RowIndex index_;
};

std::vector<CallTreeFrame> frames_of(const Pprof& profile, const FunctionTable& table) {
  std::vector<CallTreeFrame> frames;
  for (const FunctionNode& node : table.nodes()) frames.push_back({node.printable(), ""});
  for (uint32_t i = 0; i < profile.locations.size(); ++i) {
    uint32_t mapping = profile.locations[i].mapping;
    if (mapping == kNoPprofMapping) continue;
    for (uint32_t j = 0; j < table.count(i); ++j) {
      std::string& file = frames[table.begin(i)[j]].object_file;
      if (file.empty()) file = profile.strings[profile.mappings[mapping].file];
    }
  }
  return frames;
}

}  // namespace

CallTree call_tree(const ChosenProfile& chosen, size_t deepest) {
  const Pprof& profile = chosen.owned.profile;
  FunctionTable table(profile);
  TreeBuilder builder;
  for (const PprofSample& sample : profile.samples) {
    int64_t value = profile.values[sample.values.first + chosen.sample_type];
    if (value == 0) continue;
    uint32_t node = 0;
    size_t depth = 0;
    for (uint32_t i = sample.locations.count; i-- > 0 && depth < deepest;) {
      uint32_t location = profile.stack[sample.locations.first + i];
      uint32_t count = table.count(location);
      for (uint32_t j = count; j-- > 0 && depth < deepest; ++depth)
        node = builder.child(node, table.begin(location)[j], j + 1 != count);
    }
    builder.add(node, value);
  }
  return {frames_of(profile, table), std::move(builder).nodes()};
}

}  // namespace ec
