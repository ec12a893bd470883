// The functions of a profile and the calls between them, counted as google/pprof does (internal/graph, granularity
// "functions"): a function counts once in a stack however often it recurs, and inlined ones count like others.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collector/profile/pprof.h"

namespace ec {

// One function by name; code without one goes by the file that it is in. Views into the profile.
struct FunctionNode {
  std::string_view name;          // "" = not known
  std::string_view object_file;   // only when there is no name
  int64_t start_line = 0;         // only when there is no name
  std::string printable() const;  // the name; "[libc.so.6]"; "<unknown>"
};

// Which function each line is of. A location without lines has one, that of its file.
class FunctionTable {
 public:
  explicit FunctionTable(const Pprof& profile);
  const std::vector<FunctionNode>& nodes() const { return nodes_; }
  // Of a location: indices into nodes(), innermost inlined function first.
  const uint32_t* begin(uint32_t location) const { return of_lines_.data() + of_location_[location].first; }
  uint32_t count(uint32_t location) const { return of_location_[location].count; }

 private:
  std::vector<FunctionNode> nodes_;
  std::vector<PprofSlice> of_location_;
  std::vector<uint32_t> of_lines_;
};

struct NodeWeights {
  std::vector<int64_t> flat, cum;  // by node
};
NodeWeights weigh_nodes(const Pprof& profile, const FunctionTable& table, size_t sample_type);

struct CallEdge {
  uint32_t caller = 0, callee = 0;
  int64_t weight = 0;
  bool inlined = false;  // the callee always was
};
// Calls between the functions for which `kept` is true, those over others included; order: as they are first seen.
std::vector<CallEdge> call_edges(const Pprof& profile, const FunctionTable& table, size_t sample_type,
                                 const std::vector<bool>& kept);

}  // namespace ec
