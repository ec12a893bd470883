// How many samples were asked for, and how far apart: the section "plan" of the bundles of series.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "collector/collectors/collector.h"

namespace ec {

struct SamplePlan {
  uint64_t samples = 0;
  int64_t every_ns = 0;
};

inline constexpr std::string_view kPlanSection = "plan";
std::string sample_plan_text(const RunOptions& options);
// What is missing or malformed stays 0.
SamplePlan parse_sample_plan(std::string_view text);

// What has to be done more often than there are samples.
struct Meanwhile {
  milliseconds every{0};
  std::function<void()> work;  // none: nothing
};

// The samples of one series, at their times: next() waits for the time of the next one.
class SamplePace {
 public:
  explicit SamplePace(GatherContext& context) : context_(context), began_(Clock::now()) {}
  struct Sample {
    int number;     // from 1
    int64_t at_ns;  // since the first
  };
  // Nothing when all were given, or `until` comes first.
  std::optional<Sample> next(Deadline until, const Meanwhile& meanwhile = {});
  std::optional<Sample> next() { return next(context_.deadline); }

 private:
  GatherContext& context_;
  Clock::time_point began_;
  int given_ = 0;
};

}  // namespace ec
