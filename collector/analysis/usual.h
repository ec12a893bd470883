// What is higher (or, of some figures, lower) than in earlier archives of the same target.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collector/analysis/finding.h"

namespace ec {

// Mean and deviation of every figure over some archives, one archive at a time.
class BaselineBuilder {
 public:
  void add(std::string archive, const std::vector<Figure>& figures);
  Baseline finish() &&;

 private:
  struct Sums {
    uint64_t count = 0;
    double mean = 0, squares = 0;  // Welford
  };
  std::vector<std::string> archives_;
  std::map<std::string, Sums> sums_;
};

// raw/baseline: lines "archive NAME" and "figure KEY COUNT MEAN DEVIATION".
inline constexpr std::string_view kBaselinePath = "raw/baseline";
std::string baseline_text(const Baseline& baseline);
// Errors: malformed with the line. At most 1,000 figures and archives.
Result<Baseline> parse_baseline(std::string_view where, std::string_view text);

struct Unusual {
  Figure figure;
  UsualFigure usual;
  double times = 0;                    // above the usual; where less is worse, below it; infinity where the usual is 0
  bool lower = false;                  // less is worse, and it is less
  Severity severity = Severity::kLow;  // low from 1.5 times on, medium from 2, high from 3
  std::string usual_text;              // "20.0 MiB ± 1.0 MiB"
  std::string suggestion;
};
// Figures that are 1.5 times the usual or more, further from it than twice its deviation, and by an amount that
// matters; the worst first. Figures that tell nothing about load or health (uptime, counts since the start) are not
// compared.
std::vector<Unusual> unusual_figures(const Snapshot& snapshot);
// "open files: 250 of 1024 (24 %); usually 20 ± 2, 12 times as much".
std::string unusual_words(const Unusual& unusual);

}  // namespace ec
