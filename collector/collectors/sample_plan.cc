#include "collector/collectors/sample_plan.h"

#include <thread>

#include "collector/base/text.h"

namespace ec {

std::string sample_plan_text(const RunOptions& options) {
  return fmt::format("samples {}\nevery_ns {}\n", options.samples, options.every.count());
}

SamplePlan parse_sample_plan(std::string_view text) {
  SamplePlan plan;
  LineCursor lines(kPlanSection, text);
  while (auto line = lines.next()) {
    FieldCursor fields(*line);
    auto name = fields.word();
    auto value = fields.number<int64_t>();
    if (!name || !value || *value < 0) continue;
    if (*name == "samples") plan.samples = static_cast<uint64_t>(*value);
    if (*name == "every_ns") plan.every_ns = *value;
  }
  return plan;
}

std::optional<SamplePace::Sample> SamplePace::next(Deadline until, const Meanwhile& meanwhile) {
  if (given_ >= context_.options.samples) return std::nullopt;
  context_.out.touch("the time for the next sample");
  auto at = began_ + given_ * context_.options.every;
  if (at >= until.at()) return std::nullopt;
  while (meanwhile.work && Clock::now() + meanwhile.every < at) {
    std::this_thread::sleep_for(meanwhile.every);
    meanwhile.work();
  }
  std::this_thread::sleep_until(at);
  context_.out.touch(fmt::format("sample {}", ++given_));
  return Sample{given_, std::chrono::duration_cast<nanoseconds>(Clock::now() - began_).count()};
}

}  // namespace ec
