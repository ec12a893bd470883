#include "collector/base/text.h"
#include "collector/cli/commands.h"
#include "collector/cli/exit_code.h"
#include "collector/cli/print.h"

namespace ec {

int run_command(const ListRequest&) {
  std::string text = fmt::format("{:<16} {:<4} {:>8}  {}\n", "COLLECTOR", "COST", "BUDGET", "WHAT, AND FROM WHERE");
  for (const Collector& collector : collector_table()) {
    // A day: it ends with the run.
    bool bounded = collector.budget < std::chrono::hours(24);
    text += fmt::format("{:<16} T{:<3} {:>8}  {}\n", collector.name, static_cast<int>(collector.tier),
                        bounded ? fmt::format("{}ms", collector.budget.count()) : "the run", collector.summary);
    text += fmt::format("{:<32}{}\n", "", collector.source);
  }
  text +=
      "\nCost to the target: T0 takes none of its locks, T1 takes its mmap lock, T2 is answered by its own code,\n"
      "T3 stops threads, T4 is heavy and only on request.\n";
  print(text);
  return kComplete;
}

}  // namespace ec
