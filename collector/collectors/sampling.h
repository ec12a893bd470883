// What collectors share that let the kernel sample the target (stacks/cpu_sampler.h): how they begin, and how they
// write what was sampled. Their raw form is a bundle of "plan" and sections with lines
//   stack NUMBER PC…              innermost first, when it is new
//   chain NUMBER PC…              of the kernel
//   sample TID STACK CHAIN COUNT WEIGHT
//   lost|cut|unkept|elsewhere COUNT
// and an artifact with the names of the program counters, in the form of raw/stacks.json.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "collector/collectors/collector.h"
#include "collector/snapshot/cpu_profile.h"
#include "collector/stacks/cpu_sampler.h"
#include "collector/target/task_dir.h"

namespace ec {

// What the kernel said when it refused, with the setting that most refusals come from, and what would change it.
struct SamplingRefusal {
  Error why;
  std::string fix;
};
SamplingRefusal refusal_of(Error error);

class Sampling {
 public:
  // Stores why not as a failure of `bundle`. `context` must outlive it.
  static std::optional<Sampling> open(GatherContext& context, std::string_view bundle, const std::string& source);

  CpuSampler& sampler() { return *sampler_; }
  TaskDir& tasks() { return tasks_; }
  DumpRequest& request() { return request_; }
  std::vector<pid_t> threads();

  // Threads whose parent was not counted for yet when they were born are not either; the records of the kernel tell
  // them from those that are: whoever is listed was born before the records are read. Whether there were some.
  bool cover_newcomers();
  void cover_all();
  // What was taken since the last call, as lines. Weights are multiplied by `unit`.
  std::string lines(uint64_t unit = 1);
  // Names of all program counters so far, at `path`.
  void store_names(std::string_view path);

 private:
  Sampling(GatherContext& context, TaskDir tasks, DumpRequest request, std::unique_ptr<CpuSampler> sampler)
      : context_(&context), tasks_(std::move(tasks)), request_(std::move(request)), sampler_(std::move(sampler)) {}

  GatherContext* context_;
  TaskDir tasks_;
  DumpRequest request_;
  std::unique_ptr<CpuSampler> sampler_;
  UniqueFd root_;
  size_t stacks_written_ = 0, chains_written_ = 0;
};

// The bundle, with the frames of `names` and those that were added to the archive later, where there are some. Errors:
// malformed, or why there is no bundle.
Part<CpuProfile> parse_sampled(const RawStore& store, std::string_view bundle, std::string_view names);

}  // namespace ec
