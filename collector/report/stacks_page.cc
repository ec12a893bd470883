#include <fmt/format.h>

#include <iterator>

#include "collector/analysis/words.h"
#include "collector/base/clock.h"
#include "collector/report/derived.h"
#include "collector/report/text_layout.h"

namespace ec {

namespace {

constexpr size_t kLinesOfNames = 3;

}  // namespace

std::string stacks_page(const Page& page) {
  const Snapshot& snapshot = page.snapshot;
  std::string text = fmt::format("{} on {} at {}\n", target_name(snapshot), plain_line(snapshot.host.name, 64),
                                 rfc3339(snapshot.run.started_wall_ns));
  for (const Finding& finding : page.findings)
    fmt::format_to(std::back_inserter(text), "{}  {}: {}\n", to_string(finding.severity), finding.id,
                   plain_line(finding.title, 300));
  if (snapshot.threads) text += derived::stacks_text(snapshot, kLinesOfNames);
  if (snapshot.goroutines) text += '\n' + derived::goroutines_text(*snapshot.goroutines);
  if (snapshot.jvm) text += '\n' + derived::java_text(*snapshot.jvm);
  return text;
}

}  // namespace ec
