// Progress on standard error: one changing line on a terminal, plain lines or JSON elsewhere when asked.
#pragma once

#include <string>
#include <vector>

#include "collector/base/clock.h"
#include "collector/cli/options.h"
#include "collector/collectors/runner.h"

namespace ec {

class ProgressPrinter {
 public:
  ProgressPrinter(CollectRequest::Progress how, bool quiet, Clock::time_point started);
  void collector(const Collector& collector, Reading reading, RunnerListener::Progress progress);
  void note(const std::string& text);  // one line that stays
  void clear();                        // leaves an empty line for other output

 private:
  void redraw();

  CollectRequest::Progress how_;
  Clock::time_point started_;
  std::vector<std::string> running_;
  int done_ = 0;
  bool drawn_ = false;
};

}  // namespace ec
