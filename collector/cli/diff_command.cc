#include "collector/analysis/growth.h"
#include "collector/cli/commands.h"
#include "collector/cli/exit_code.h"
#include "collector/cli/load_archive.h"
#include "collector/cli/print.h"
#include "collector/report/difference.h"

namespace ec {

namespace {

bool same_process(const Snapshot& a, const Snapshot& b) {
  return a.target.pid == b.target.pid && a.target.start_ticks == b.target.start_ticks && a.host.name == b.host.name;
}

}  // namespace

int run_command(const DiffRequest& request) {
  auto before = load_archive(request.archives.front());
  auto after = before ? load_archive(request.archives.back()) : before;
  if (!after) {
    complain(after.error());
    return kNothingCollected;
  }
  GaugeSeries series;
  auto add = [&](const Snapshot& snapshot) {
    if (same_process(snapshot, before->snapshot)) series.samples.push_back(gauges_of(snapshot));
  };
  add(before->snapshot);
  for (size_t i = 1; i + 1 < request.archives.size(); ++i) {
    auto between = load_archive(request.archives[i]);  // one of them in memory at a time
    if (!between) {
      complain(between.error());
      return kNothingCollected;
    }
    add(between->snapshot);
  }
  add(after->snapshot);
  print(
      difference_text(before->snapshot, analyse(before->snapshot), after->snapshot, analyse(after->snapshot), series));
  return kComplete;
}

}  // namespace ec
