// What is usual: the figures of earlier archives of the same target, --baseline.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ec {

struct UsualFigure {
  uint64_t count = 0;    // archives that have it
  double mean = 0;       // over them
  double deviation = 0;  // of the sample, n - 1; 0 with one archive
};

struct Baseline {
  std::vector<std::string> archives;           // their names
  std::map<std::string, UsualFigure> figures;  // by Figure::key
};

}  // namespace ec
