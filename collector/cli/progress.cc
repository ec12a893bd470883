#include "collector/cli/progress.h"

#include <unistd.h>

#include <algorithm>

#include "collector/base/text.h"
#include "collector/base/write_file.h"
#include "collector/cli/terminal.h"

namespace ec {

using How = CollectRequest::Progress;

ProgressPrinter::ProgressPrinter(How how, bool quiet, Clock::time_point started) : how_(how), started_(started) {
  if (how_ == How::kAuto && !terminal_of(STDERR_FILENO).is_terminal) how_ = How::kNone;
  if (quiet) how_ = How::kNone;
}

void ProgressPrinter::collector(const Collector& collector, Reading reading, RunnerListener::Progress progress) {
  if (how_ == How::kNone) return;
  double seconds = std::chrono::duration<double>(Clock::now() - started_).count();
  const char* word = "started";
  switch (progress) {
    case RunnerListener::Progress::kStarted:
      break;
    case RunnerListener::Progress::kEnded:
      word = "ended";
      break;
    case RunnerListener::Progress::kTimedOut:
      word = "timed out";
      break;
    case RunnerListener::Progress::kCrashed:
      word = "crashed";
      break;
  }
  std::string name(collector.name);
  if (how_ == How::kJson) {
    write_all(STDERR_FILENO, fmt::format("{{\"at_s\":{:.3f},\"collector\":\"{}\",\"reading\":{},\"event\":\"{}\"}}\n",
                                         seconds, name, static_cast<int>(reading) + 1, word));
    return;
  }
  if (how_ == How::kPlain) {
    if (progress != RunnerListener::Progress::kStarted)
      write_all(STDERR_FILENO, fmt::format("{:7.3f} s  {} {}{}\n", seconds, name, word,
                                           reading == Reading::kFirst ? "" : " (again, for rates)"));
    return;
  }
  auto place = std::find(running_.begin(), running_.end(), name);
  if (progress == RunnerListener::Progress::kStarted) {
    if (place == running_.end()) running_.push_back(name);
  } else {
    if (place != running_.end()) running_.erase(place);
    ++done_;
  }
  redraw();
}

void ProgressPrinter::redraw() {
  std::string names;
  for (const std::string& name : running_) names += (names.empty() ? "" : ", ") + name;
  double seconds = std::chrono::duration<double>(Clock::now() - started_).count();
  int columns = terminal_of(STDERR_FILENO).columns;
  std::string line = printable_line(fmt::format("{:5.1f} s  {} done, now: {}", seconds, done_, names),
                                    static_cast<size_t>(std::max(columns - 4, 20)));
  write_all(STDERR_FILENO, "\r\x1b[K" + line);
  drawn_ = true;
}

void ProgressPrinter::note(const std::string& text) {
  clear();
  if (how_ == How::kNone) return;
  if (how_ != How::kJson) write_all(STDERR_FILENO, text + "\n");
}

void ProgressPrinter::clear() {
  if (drawn_) write_all(STDERR_FILENO, "\r\x1b[K");
  drawn_ = false;
}

}  // namespace ec
