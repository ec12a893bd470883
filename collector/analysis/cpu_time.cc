#include "collector/analysis/cpu_time.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "collector/analysis/function_name.h"
#include "collector/analysis/thread_words.h"
#include "collector/analysis/words.h"
#include "collector/base/text.h"

namespace ec {

namespace {

constexpr double kOnThePath = 0.5;
constexpr size_t kLongestPath = 64;

struct Tally {
  uint64_t self = 0, total = 0;
  std::map<uint32_t, uint64_t> callers;  // by number of the function
};

// Functions by number: frames of one function differ by their addresses.
class Functions {
 public:
  explicit Functions(const CpuProfile& profile) {
    for (const Frame& frame : profile.frames) {
      auto [place, fresh] = numbers_.emplace(cpu_frame_name(frame), static_cast<uint32_t>(names_.size()));
      if (fresh) {
        names_.push_back(place->first);
        plumbing_.push_back(is_plumbing(frame.symbol));
      }
      by_frame_.push_back(place->second);
    }
    tallies_.resize(names_.size());
  }

  std::vector<uint32_t> of(const std::vector<uint32_t>& frames) const {
    std::vector<uint32_t> numbers;
    for (uint32_t frame : frames)
      if (frame < by_frame_.size()) numbers.push_back(by_frame_[frame]);
    return numbers;
  }

  void add(const std::vector<uint32_t>& functions, uint64_t weight) {
    if (functions.empty()) return;
    Tally& innermost = tallies_[functions.front()];
    innermost.self += weight;
    auto caller =
        std::find_if(functions.begin(), functions.end(), [&](uint32_t each) { return each != functions.front(); });
    if (caller != functions.end()) innermost.callers[*caller] += weight;
    for (uint32_t each : std::set<uint32_t>(functions.begin(), functions.end())) tallies_[each].total += weight;
  }

  std::vector<CpuFunction> list(uint64_t all) const {
    std::vector<CpuFunction> functions;
    for (size_t i = 0; i < tallies_.size(); ++i) {
      const Tally& tally = tallies_[i];
      if (tally.total == 0) continue;
      CpuFunction function{names_[i], ratio(tally.self, all), ratio(tally.total, all), "", 0};
      auto most = std::max_element(tally.callers.begin(), tally.callers.end(),
                                   [](const auto& a, const auto& b) { return a.second < b.second; });
      if (most != tally.callers.end()) {
        function.caller = names_[most->first];
        function.by_caller = ratio(most->second, tally.self);
      }
      functions.push_back(std::move(function));
    }
    std::stable_sort(functions.begin(), functions.end(), [](const CpuFunction& a, const CpuFunction& b) {
      return a.self != b.self ? a.self > b.self : a.total > b.total;
    });
    return functions;
  }

  const std::string& name(uint32_t number) const { return names_[number]; }
  bool plumbing(uint32_t number) const { return plumbing_[number]; }

 private:
  std::unordered_map<std::string, uint32_t> numbers_;
  std::vector<std::string> names_;
  std::vector<bool> plumbing_;  // of the C++ library, between two functions of the program
  std::vector<uint32_t> by_frame_;
  std::vector<Tally> tallies_;
};

struct WeighedStack {
  std::vector<uint32_t> functions;  // innermost first
  uint64_t weight = 0;
};

// From the outermost function inwards, as long as one of them has half of all samples below it.
std::vector<std::string> path_of(const std::vector<WeighedStack>& stacks, const Functions& names, uint64_t all) {
  std::vector<const WeighedStack*> here;
  for (const WeighedStack& stack : stacks) here.push_back(&stack);
  std::vector<std::string> path;
  for (size_t depth = 0; depth < kLongestPath; ++depth) {
    std::map<uint32_t, uint64_t> next;
    for (const WeighedStack* stack : here)
      if (stack->functions.size() > depth) next[stack->functions[stack->functions.size() - 1 - depth]] += stack->weight;
    auto most =
        std::max_element(next.begin(), next.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    if (most == next.end() || ratio(most->second, all) < kOnThePath) break;
    if (!names.plumbing(most->first)) path.push_back(names.name(most->first));
    std::erase_if(here, [&](const WeighedStack* stack) {
      return stack->functions.size() <= depth || stack->functions[stack->functions.size() - 1 - depth] != most->first;
    });
  }
  return path;
}

void add_threads(const CpuProfile& profile, CpuTime& result) {
  struct Sum {
    uint64_t span = 0, run = 0, delay = 0;
  };
  struct Blocked {
    std::set<int> tids;
    uint64_t ns = 0;
  };
  std::map<int, Sum> by_tid;
  std::map<uint32_t, Blocked> by_stack;
  for (const ThreadSpan& span : profile.waited) {
    Sum& sum = by_tid[span.tid];
    sum.span += span.span_ns;
    sum.run += span.run_ns;
    sum.delay += span.delay_ns;
    uint64_t busy = span.run_ns + span.delay_ns;
    if (!span.stack || busy >= span.span_ns) continue;
    Blocked& blocked = by_stack[*span.stack];
    blocked.tids.insert(span.tid);
    blocked.ns += span.span_ns - busy;
  }
  for (const auto& [tid, sum] : by_tid) {
    double run = ratio(sum.run, sum.span), delay = ratio(sum.delay, sum.span);
    result.threads.push_back({tid, run, delay, std::max(0.0, 1 - run - delay)});
  }
  std::stable_sort(result.threads.begin(), result.threads.end(),
                   [](const CpuThread& a, const CpuThread& b) { return a.cores > b.cores; });
  for (const auto& [stack, blocked] : by_stack)
    result.blocked.push_back(
        {stack, blocked.tids.size(), static_cast<double>(blocked.ns) / 1e9, *blocked.tids.begin()});
  std::stable_sort(result.blocked.begin(), result.blocked.end(),
                   [](const BlockedStack& a, const BlockedStack& b) { return a.seconds > b.seconds; });
}

}  // namespace

std::vector<uint32_t> frames_of(const CpuProfile& profile, const CpuSample& sample) {
  std::vector<uint32_t> frames;
  auto append = [&](const std::vector<Stack>& stacks, const std::optional<uint32_t>& index) {
    if (!index || *index >= stacks.size()) return;
    for (uint32_t frame : stacks[*index].frames)
      if (frame < profile.frames.size()) frames.push_back(frame);
  };
  append(profile.chains, sample.chain);
  append(profile.stacks, sample.stack);
  return frames;
}

std::string cpu_frame_name(const Frame& frame) {
  if (frame.module == "[kernel]")
    return "kernel: " + (frame.symbol.empty() ? std::string("?") : printable_line(frame.symbol, 100));
  std::string name = short_frame(frame);
  bool function = !frame.symbol.empty() && frame.found_by != "python" && !name.ends_with(')');
  return function ? name + "()" : name;
}

CpuTime cpu_time_of(const Snapshot& snapshot) {
  const CpuProfile& profile = *snapshot.cpu_profile;
  CpuTime result;
  result.seconds = static_cast<double>(profile.span_ns) / 1e9;
  result.cores = ratio(profile.cpu_ns, profile.span_ns);
  if (profile.unit == "ns") result.sampled = ratio(profile.weight, profile.cpu_ns);
  Functions functions(profile);
  std::vector<WeighedStack> stacks;
  uint64_t in_kernel = 0, unknown = 0;
  for (const CpuSample& sample : profile.spent) {
    auto frames = functions.of(frames_of(profile, sample));
    if (sample.chain) in_kernel += sample.weight;
    if (frames.empty()) unknown += sample.weight;
    functions.add(frames, sample.weight);
    stacks.push_back({std::move(frames), sample.weight});
  }
  result.in_kernel = ratio(in_kernel, profile.weight);
  result.unknown = ratio(unknown, profile.weight);
  result.functions = functions.list(profile.weight);
  result.path = path_of(stacks, functions, profile.weight);
  add_threads(profile, result);
  return result;
}

}  // namespace ec
