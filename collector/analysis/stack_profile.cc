#include "collector/analysis/stack_profile.h"

#include <algorithm>
#include <functional>

#include "collector/analysis/cpu_time.h"
#include "collector/analysis/thread_words.h"
#include "collector/analysis/words.h"

namespace ec {

namespace {

// As perf names functions of the kernel.
std::string name_of(const Frame& frame) {
  return frame.module == "[kernel]" ? "[k] " + frame_name(frame, 400) : frame_name(frame, 400);
}

// Cycles become time by their share of the process's. An archive may hold any number.
int64_t ns_of(const CpuProfile& profile, uint64_t weight) {
  double scale = profile.unit == "cycles" ? ratio(profile.cpu_ns, profile.weight) : 1;
  return static_cast<int64_t>(std::min(static_cast<double>(weight) * scale, 1e18));
}

}  // namespace

StackProfile::StackProfile(const std::vector<Frame>& frames, std::string_view program, std::string_view weight,
                           std::string_view unit, int64_t period) {
  builder_.sample_type("samples", "count");
  builder_.sample_type(weight, unit);
  header().period_type = {builder_.text(weight), builder_.text(unit)};
  header().period = period;
  auto of_program = std::find_if(frames.begin(), frames.end(), [&](const Frame& one) { return one.module == program; });
  if (of_program != frames.end()) mapping_of(*of_program);
  for (const Frame& frame : frames) locations_.push_back(location_of(frame));
}

uint32_t StackProfile::mapping_of(const Frame& frame) {
  if (frame.module.empty()) return kNoPprofMapping;
  PprofMapping mapping;
  mapping.file = builder_.text(frame.module);
  mapping.build_id = builder_.text(frame.build_id);
  mapping.has_functions = true;  // nobody needs to look for symbols again
  return builder_.mapping(mapping);
}

uint32_t StackProfile::location_of(const Frame& frame) {
  PprofFunction function;
  function.name = builder_.text(name_of(frame));
  function.system_name = builder_.text(frame.symbol);
  function.file = builder_.text(frame.file);
  PprofLine line{builder_.function(function), frame.line};
  PprofLocation location;
  location.address = frame.pc;
  location.mapping = mapping_of(frame);
  return builder_.location(location, {&line, 1});
}

void StackProfile::add(std::span<const uint32_t> stack, int64_t count, int64_t weight, std::string_view thread) {
  std::vector<uint32_t> locations;
  for (uint32_t frame : stack)
    if (frame < locations_.size()) locations.push_back(locations_[frame]);
  const int64_t values[] = {count, weight};
  if (thread.empty()) return builder_.sample(locations, values);
  const PprofLabel label{builder_.text("thread"), builder_.text(thread), 0, 0};
  builder_.sample(locations, values, {&label, 1});
}

Result<OwnedPprof> StackProfile::finish(std::string_view where) && { return std::move(builder_).finish(where); }

namespace {

// All samples; weigh(): how much of its second value a sample has.
Result<OwnedPprof> profile_of(const Snapshot& snapshot, const CpuProfile& sampled, StackProfile profile,
                              const std::function<int64_t(uint64_t)>& weigh, std::string_view where) {
  ThreadIndex index(snapshot);
  profile.header().time_ns = snapshot.run.started_wall_ns;
  profile.header().duration_ns = static_cast<int64_t>(std::min<uint64_t>(sampled.span_ns, INT64_MAX));
  for (const CpuSample& sample : sampled.spent) {
    auto* thread = index.thread(sample.tid);
    profile.add(frames_of(sampled, sample), static_cast<int64_t>(std::min<uint64_t>(sample.count, INT64_MAX)),
                weigh(sample.weight), thread ? thread->name : "");
  }
  return std::move(profile).finish(where);
}

}  // namespace

Result<OwnedPprof> cpu_profile_of(const Snapshot& snapshot) {
  const CpuProfile& sampled = *snapshot.cpu_profile;
  int64_t period = sampled.hz > 0 ? 1'000'000'000 / static_cast<int64_t>(sampled.hz) : 0;
  return profile_of(
      snapshot, sampled, StackProfile(sampled.frames, snapshot.target.exe, "cpu", "nanoseconds", period),
      [&](uint64_t weight) { return ns_of(sampled, weight); }, kCpuProfileArtifact);
}

Result<OwnedPprof> page_fault_profile_of(const Snapshot& snapshot) {
  const CpuProfile& sampled = *snapshot.page_faults;
  return profile_of(
      snapshot, sampled, StackProfile(sampled.frames, snapshot.target.exe, "memory", "bytes", 0),
      [](uint64_t weight) { return static_cast<int64_t>(std::min<uint64_t>(weight, uint64_t{1} << 50)); },
      kPageFaultsArtifact);
}

}  // namespace ec
