#include <unistd.h>

#include <algorithm>
#include <array>

#include "collector/base/write_file.h"
#include "collector/cli/commands.h"
#include "collector/cli/exit_code.h"
#include "collector/cli/find_target.h"
#include "collector/cli/own_process.h"
#include "collector/cli/print.h"
#include "collector/cli/terminal.h"
#include "collector/cli/unarchived.h"
#include "collector/report/page.h"

namespace ec {

namespace {

// One screen in under a second: whatever has not come by then is left out.
constexpr milliseconds kTime{850};
constexpr milliseconds kRateInterval{300};

// Dear, or not on the screen.
constexpr std::array<std::string_view, 4> kLeftOut{"stacks", "executable", "forensics", "journal"};

std::vector<Step> steps_of(Lane lane, bool with_target, Clock::time_point started) {
  std::vector<Step> steps;
  for (Reading reading : {Reading::kFirst, Reading::kSecond})
    for (const Collector& collector : collector_table()) {
      bool left_out = std::find(kLeftOut.begin(), kLeftOut.end(), collector.name) != kLeftOut.end();
      if (collector.lane != lane || collector.slow || left_out || (collector.needs_target && !with_target)) continue;
      if (reading == Reading::kFirst)
        steps.push_back({&collector, reading, {}});
      else if (collector.two_readings)
        steps.push_back({&collector, reading, started + kRateInterval});
    }
  return steps;
}

}  // namespace

int run_command(const ChecklistRequest& request) {
  auto started = Clock::now();
  std::optional<TargetIdentity> target;
  if (!request.target.empty()) {
    auto pinned = pin_target(request.target);
    if (!pinned) return pinned.error();
    target = std::move(*pinned);
  }
  be_modest();

  RunOptions options = request.run;
  options.profile_seconds = 0;
  Unarchived collected;
  {
    Deadline deadline = Deadline::in(kTime);
    Runner runner(target ? &*target : nullptr, options, started, collected);
    for (Lane lane : {Lane::kMain, Lane::kRisky, Lane::kEndpoint, Lane::kStacks})
      runner.start(steps_of(lane, target.has_value(), started), deadline);
    runner.pump(deadline, {}, [] { return false; });
    runner.stop("it took longer than the checklist waits");
  }
  Snapshot snapshot = collected.parse(target ? &*target : nullptr);
  snapshot.run.cost = own_cost(std::chrono::duration<double>(Clock::now() - started).count());
  Terminal terminal = terminal_of(STDOUT_FILENO);
  print(checklist_terminal(snapshot, terminal.colour, terminal.columns));
  return kComplete;
}

}  // namespace ec
