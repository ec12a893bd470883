#include <algorithm>
#include <array>

#include "collector/cli/commands.h"
#include "collector/cli/exit_code.h"
#include "collector/cli/find_target.h"
#include "collector/cli/own_process.h"
#include "collector/cli/print.h"
#include "collector/cli/signals.h"
#include "collector/cli/unarchived.h"
#include "collector/report/page.h"

namespace ec {

namespace {

constexpr std::array<std::string_view, 5> kCollectors{"threads", "stacks", "python", "goroutines", "jvm"};

std::vector<Step> steps() {
  std::vector<Step> steps;
  for (const Collector& collector : collector_table())
    if (std::find(kCollectors.begin(), kCollectors.end(), collector.name) != kCollectors.end())
      steps.push_back({&collector, Reading::kFirst, {}});
  return steps;
}

}  // namespace

int run_command(const StacksRequest& request) {
  auto started = Clock::now();
  auto target = pin_target(request.target);
  if (!target) return target.error();
  auto signals = SignalPipe::install();
  if (!signals) {
    complain(signals.error());
    return kNothingCollected;
  }
  be_modest();
  RunOptions options = request.run;
  options.brief_threads = true;
  spare_ourselves(target->pid, options);
  Unarchived collected;
  {
    Deadline deadline = Deadline::in(std::chrono::seconds(request.deadline_seconds));
    Runner runner(&*target, options, started, collected);
    runner.start(steps(), deadline);
    runner.pump(deadline, {signals->fd()}, [] { return false; });
    runner.stop("the time was used up");
  }
  Snapshot snapshot = collected.parse(&*target);
  if (!snapshot.threads) {
    complain(snapshot.threads.why());
    return kNothingCollected;
  }
  print(stacks_page({snapshot, analyse(snapshot), "", nullptr}));
  bool whole = snapshot.stacks && std::all_of(snapshot.stacks->threads.begin(), snapshot.stacks->threads.end(),
                                              [](const ThreadStack& thread) { return thread.stack.has_value(); });
  return whole ? kComplete : kPartialArchive;
}

}  // namespace ec
