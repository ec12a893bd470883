#include "collector/profile/call_graph.h"

#include "collector/profile/measurement.h"
#include "collector/profile/row_index.h"

namespace ec {

namespace {

std::string_view base_name(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  size_t slash = path.rfind('/');
  return slash == std::string_view::npos || path.size() == 1 ? path : path.substr(slash + 1);
}

class NodeNumbers {
 public:
  explicit NodeNumbers(std::vector<FunctionNode>& nodes) : nodes_(nodes) {}
  uint32_t of(const FunctionNode& node) {
    auto next = static_cast<uint32_t>(nodes_.size());
    RowHash hash;
    hash.add(node.name).add(node.object_file).add(static_cast<uint64_t>(node.start_line));
    uint32_t found = index_.find_or_add(hash.value(), next, [&](uint32_t row) {
      const FunctionNode& other = nodes_[row];
      return other.name == node.name && other.object_file == node.object_file && other.start_line == node.start_line;
    });
    if (found == next) nodes_.push_back(node);
    return found;
  }

 private:
  std::vector<FunctionNode>& nodes_;
  RowIndex index_;
};

}  // namespace

std::string FunctionNode::printable() const {
  if (!name.empty()) return std::string(name);
  return object_file.empty() ? "<unknown>" : "[" + std::string(base_name(object_file)) + "]";
}

FunctionTable::FunctionTable(const Pprof& profile) {
  constexpr uint32_t kUnnamed = UINT32_MAX;
  NodeNumbers numbers(nodes_);
  std::vector<uint32_t> of_function;
  of_function.reserve(profile.functions.size());
  for (const PprofFunction& function : profile.functions) {
    std::string_view name = profile.strings[function.name];
    of_function.push_back(name.empty() ? kUnnamed : numbers.of({name, {}, 0}));
  }
  of_location_.reserve(profile.locations.size());
  of_lines_.reserve(profile.lines.size());
  for (const PprofLocation& location : profile.locations) {
    auto first = static_cast<uint32_t>(of_lines_.size());
    std::string_view file;
    if (location.mapping != kNoPprofMapping) file = profile.strings[profile.mappings[location.mapping].file];
    for (uint32_t i = 0; i < location.lines.count; ++i) {
      uint32_t function = profile.lines[location.lines.first + i].function;
      uint32_t node = of_function[function];
      of_lines_.push_back(node != kUnnamed ? node : numbers.of({{}, file, profile.functions[function].start_line}));
    }
    if (location.lines.count == 0) of_lines_.push_back(numbers.of({{}, file, 0}));
    of_location_.push_back({first, static_cast<uint32_t>(of_lines_.size()) - first});
  }
}

NodeWeights weigh_nodes(const Pprof& profile, const FunctionTable& table, size_t sample_type) {
  size_t count = table.nodes().size();
  NodeWeights weights{std::vector<int64_t>(count), std::vector<int64_t>(count)};
  std::vector<size_t> seen(count);  // the number of the last sample, from 1
  size_t number = 0;
  for (const PprofSample& sample : profile.samples) {
    ++number;
    int64_t value = profile.values[sample.values.first + sample_type];
    if (value == 0) continue;
    for (uint32_t i = 0; i < sample.locations.count; ++i) {
      uint32_t location = profile.stack[sample.locations.first + i];
      const uint32_t* nodes = table.begin(location);
      for (uint32_t j = 0, end = table.count(location); j < end; ++j) {
        uint32_t node = nodes[j];
        if (i == 0 && j == 0) weights.flat[node] = wrapping_sum(weights.flat[node], value);
        if (seen[node] == number) continue;
        seen[node] = number;
        weights.cum[node] = wrapping_sum(weights.cum[node], value);
      }
    }
  }
  return weights;
}

namespace {

class EdgeCounter {
 public:
  // A call in the sample of that number, which counts once in it. Numbers rise from 1.
  void add(const CallEdge& call, size_t sample) {
    auto next = static_cast<uint32_t>(edges_.size());
    uint64_t hash = RowHash().add(static_cast<uint64_t>(call.caller) << 32 | call.callee).value();
    uint32_t found = index_.find_or_add(hash, next, [&](uint32_t row) {
      return edges_[row].caller == call.caller && edges_[row].callee == call.callee;
    });
    if (found == next) {
      edges_.push_back(call);
      seen_.push_back(sample);
    } else if (seen_[found] != sample) {
      seen_[found] = sample;
      CallEdge& edge = edges_[found];
      edge.weight = wrapping_sum(edge.weight, call.weight);
      edge.inlined = edge.inlined && call.inlined;
    }
  }
  std::vector<CallEdge> edges() && { return std::move(edges_); }

 private:
  std::vector<CallEdge> edges_;
  std::vector<size_t> seen_;  // by edge: the last sample
  RowIndex index_;
};

}  // namespace

std::vector<CallEdge> call_edges(const Pprof& profile, const FunctionTable& table, size_t sample_type,
                                 const std::vector<bool>& kept) {
  constexpr uint32_t kNobody = UINT32_MAX;
  EdgeCounter counter;
  size_t number = 0;
  for (const PprofSample& sample : profile.samples) {
    ++number;
    int64_t value = profile.values[sample.values.first + sample_type];
    uint32_t caller = kNobody;
    for (uint32_t i = value == 0 ? 0 : sample.locations.count; i-- > 0;) {
      uint32_t location = profile.stack[sample.locations.first + i];
      const uint32_t* nodes = table.begin(location);
      uint32_t count = table.count(location);
      for (uint32_t j = count; j-- > 0;) {
        if (!kept[nodes[j]]) continue;
        if (caller != kNobody && caller != nodes[j]) counter.add({caller, nodes[j], value, j + 1 != count}, number);
        caller = nodes[j];
      }
    }
  }
  return std::move(counter).edges();
}

}  // namespace ec
