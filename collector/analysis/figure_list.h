// Figures of one group, as they are gathered. Private to this layer.
#pragma once

#include <iterator>
#include <string>
#include <vector>

#include "collector/analysis/finding.h"
#include "collector/snapshot/snapshot.h"

namespace ec {

using Mark = Figure::Mark;

class FigureList {
 public:
  explicit FigureList(std::string group) : group_(std::move(group)) {}
  void add(std::string key, std::string label, std::string text, double value, std::string unit,
           Mark mark = Mark::kNormal) {
    figures_.push_back({std::move(key), group_, std::move(label), std::move(text), value, std::move(unit), mark});
  }
  void move_to(std::vector<Figure>& all) { std::move(figures_.begin(), figures_.end(), std::back_inserter(all)); }

 private:
  std::string group_;
  std::vector<Figure> figures_;
};

inline Mark mark_of(double value, double warning, double bad) {
  return value >= bad ? Mark::kBad : value >= warning ? Mark::kWarning : Mark::kNormal;
}

// What debug endpoints and the memory of runtimes tell (figures_runtime.cc).
void runtime_figures(const Snapshot& snapshot, FigureList& list);

}  // namespace ec
