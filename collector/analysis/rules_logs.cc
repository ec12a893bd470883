// What the logs of the target say.
#include <algorithm>

#include "collector/analysis/rules.h"
#include "collector/analysis/words.h"
#include "collector/base/text.h"

namespace ec::rules {

namespace {

// "panic: index out of range in main.get (api/main.go:15)".
std::string panic_words(const LogGoPanic& panic) {
  std::string words = in_sentence(panic.reason, 160);
  return panic.place.empty() ? words : words + " in " + in_sentence(panic.place, 120);
}

uint64_t how_often(const std::vector<LogGoPanic>& panics, bool survived) {
  uint64_t count = 0;
  for (const LogGoPanic& panic : panics)
    if (panic.survived == survived) count += panic.count;
  return count;
}

Evidence panic_evidence(const LogGoPanic& panic) {
  std::string stack;
  for (const std::string& frame : panic.stack) stack += (stack.empty() ? "" : " < ") + frame;
  return {panic.artifact, fmt::format("line {}", panic.line),
          printable_line(stack.empty() ? panic.reason : stack, 400)};
}

// SIGQUIT is how a person or a supervisor asks a Go program for its goroutines. It ends then, and nothing is wrong with
// it for that.
bool on_request(const LogGoPanic& panic) { return panic.reason.starts_with("SIGQUIT: "); }

Finding goroutines_on_request(const std::vector<LogGoPanic>& dumps, const std::string& name) {
  uint64_t count = how_often(dumps, false);
  std::string often = count == 1 ? "once" : fmt::format("{} times", count);
  Finding finding{
      "go-panic",
      Severity::kInfo,
      fmt::format("Go was told to print its goroutines and end (SIGQUIT), {}", often),
      fmt::format("Somebody sent SIGQUIT {}; the goroutines of that moment are in the logs of {}. Until then "
                  "nothing had ended it.",
                  often, name),
      {}};
  finding.evidence.push_back(panic_evidence(dumps.front()));
  return finding;
}

const LogGoPanic* first_of(const std::vector<LogGoPanic>& panics, bool survived) {
  auto found =
      std::find_if(panics.begin(), panics.end(), [&](const auto& panic) { return panic.survived == survived; });
  return found == panics.end() ? nullptr : &*found;
}

std::string most_often(uint64_t all, const LogGoPanic& panic) {
  return panic.count < all ? fmt::format("; the most frequent, {} times: ", panic.count) : ": ";
}

}  // namespace

Findings go_panic(const Snapshot& snapshot) {
  if (!snapshot.logs || snapshot.logs->go_panics.empty()) return {};
  std::vector<LogGoPanic> panics, requested;
  for (const LogGoPanic& panic : snapshot.logs->go_panics) (on_request(panic) ? requested : panics).push_back(panic);
  if (panics.empty()) return {goroutines_on_request(requested, target_name(snapshot))};
  uint64_t deaths = how_often(panics, false), caught = how_often(panics, true);
  bool current = std::any_of(panics.begin(), panics.end(), [](const LogGoPanic& panic) { return panic.current; });
  const LogGoPanic *death = first_of(panics, false), *survivor = first_of(panics, true);
  Severity severity = !current ? Severity::kLow : death ? Severity::kHigh : Severity::kMedium;
  Finding finding{"go-panic", severity, "", "", {}};
  std::string name = target_name(snapshot);
  if (death) {
    finding.title = fmt::format("Go died {} in its logs: {}", deaths == 1 ? "once" : fmt::format("{} times", deaths),
                                panic_words(*death));
    finding.detail = fmt::format("The logs of {} hold {} of a Go program{}{}.", name, counted(deaths, "death"),
                                 most_often(deaths, *death), panic_words(*death));
    finding.detail += " That was this process before a restart, or another one that writes to the same log.";
    if (death->goroutines > 1 && !death->groups.empty())
      finding.detail += fmt::format(" {} were printed, the largest group {}.", counted(death->goroutines, "goroutine"),
                                    in_sentence(death->groups[0], 160));
    finding.evidence.push_back(panic_evidence(*death));
  } else {
    finding.title = fmt::format("{} caught in its logs: {}", counted(caught, "Go panic"), panic_words(*survivor));
  }
  if (survivor) {
    finding.detail += fmt::format("{}{} caught {}{}{}.", death ? " " : "", death ? "It also" : name,
                                  counted(caught, "panic"), most_often(caught, *survivor), panic_words(*survivor));
    finding.detail += " Each failed a request or a job, and may have left a lock held.";
    finding.evidence.push_back(panic_evidence(*survivor));
  }
  return {finding};
}

Findings data_race(const Snapshot& snapshot) {
  if (!snapshot.logs || snapshot.logs->races.empty()) return {};
  auto& races = snapshot.logs->races;
  const LogRace& first = races[0];
  uint64_t reports = 0;
  for (const LogRace& race : races) reports += race.count;
  bool current = std::any_of(races.begin(), races.end(), [](const LogRace& race) { return race.current; });
  Finding finding{"data-race", current ? Severity::kMedium : Severity::kLow, "", "", {}};
  std::string how_many = counted(races.size(), "data race");
  finding.title = fmt::format("{} in its logs: {}", how_many, in_sentence(first.access, 120));
  finding.detail =
      fmt::format("{} reported {}{}: {}, against {}{}.", first.go ? "Go's race detector" : "ThreadSanitizer", how_many,
                  reports > races.size() ? fmt::format(" {} times", reports) : "", in_sentence(first.access, 160),
                  in_sentence(first.previous, 160),
                  first.location.empty() ? "" : fmt::format(", on {}", in_sentence(first.location, 120)));
  finding.detail +=
      " Nothing orders the two, so that values may be lost, torn or stale. A program built to detect races is several "
      "times slower and larger.";
  constexpr size_t kShown = 5;
  for (size_t i = 0; i < std::min(races.size(), kShown); ++i) {
    const LogRace& race = races[i];
    std::string times = race.count == 1 ? "once" : fmt::format("{} times", race.count);
    std::string excerpt = fmt::format("{}: {} / {}", times, race.access, race.previous);
    if (race.location.starts_with("global")) excerpt += " / " + race.location;
    for (const std::string& origin : race.origins) excerpt += " / " + origin;
    finding.evidence.push_back({race.artifact, fmt::format("line {}", race.line), printable_line(excerpt, 600)});
  }
  return {finding};
}

Findings log_error_burst(const Snapshot& snapshot) {
  if (!snapshot.logs) return {};
  auto& logs = *snapshot.logs;
  const LogDigestLine* top = nullptr;
  uint64_t fatal = 0;
  for (auto& line : logs.digest) {
    if (!line.target_log || (line.level != "fatal" && line.level != "error")) continue;
    if (line.level == "fatal") fatal += line.count;
    if (!top || line.count > top->count) top = &line;
  }
  if (logs.error_lines < 20) return {};
  std::optional<Severity> severity;
  // A rate over a few seconds may be one request with many lines.
  bool lasting = logs.span_seconds.value_or(0) >= 5;
  if (logs.errors_per_minute && lasting) {
    if (*logs.errors_per_minute >= 300)
      severity = Severity::kHigh;
    else if (*logs.errors_per_minute >= 30)
      severity = Severity::kMedium;
  } else if (logs.lines > 0 && 2 * logs.error_lines >= logs.lines) {
    severity = Severity::kLow;  // lines without time: they may be of last year
  }
  if (!severity) return {};
  std::string rate = logs.errors_per_minute && lasting
                         ? fmt::format("{:.0f} a minute", *logs.errors_per_minute)
                         : fmt::format("{} of the last {} lines", logs.error_lines, logs.lines);
  Finding finding{"log-error-burst", *severity, fmt::format("Errors in the logs: {}", rate), "", {}};
  finding.detail = fmt::format("The logs of {} are full of errors: {}.", target_name(snapshot), rate);
  if (top) {
    finding.detail += fmt::format(" The most frequent, {} times: {}.", top->count, in_sentence(top->example, 160));
    finding.evidence.push_back({top->artifact, fmt::format("line {}", top->line), printable_line(top->example, 240)});
  }
  if (fatal > 0) finding.detail += fmt::format(" {} say \"fatal\" or \"panic\".", counted(fatal, "line"));
  return {finding};
}

}  // namespace ec::rules
