#include "collector/report/difference.h"

#include <algorithm>
#include <cmath>

#include "collector/analysis/growth.h"
#include "collector/analysis/profile_growth.h"
#include "collector/base/clock.h"
#include "collector/base/text.h"

namespace ec {

namespace {

constexpr double kWorthTelling = 0.1;  // relative change of a figure

const Finding* find(const std::vector<Finding>& findings, const std::string& id) {
  auto found = std::find_if(findings.begin(), findings.end(), [&](const Finding& f) { return f.id == id; });
  return found == findings.end() ? nullptr : &*found;
}

// Whether the archive of `after` holds anything of what the finding was read from.
bool examined(const Finding& finding, int pid, const Snapshot& after) {
  if (after.artifacts.empty() || finding.evidence.empty()) return true;
  std::string own = fmt::format("/{}/", pid), other = fmt::format("/{}/", after.target.pid);
  return std::any_of(finding.evidence.begin(), finding.evidence.end(), [&](const Evidence& evidence) {
    std::string path = evidence.artifact;
    if (size_t at = path.find(own); at != std::string::npos) path.replace(at, own.size(), other);
    return std::any_of(after.artifacts.begin(), after.artifacts.end(), [&](const ArtifactRow& row) {
      return row.path == path && (row.status == Status::kOk || row.status == Status::kPartial);
    });
  });
}

std::string findings_text(const std::vector<Finding>& before, int pid_before, const std::vector<Finding>& after,
                          const Snapshot& snapshot_after) {
  std::string text;
  for (const Finding& now : after) {
    const Finding* then = find(before, now.id);
    text +=
        fmt::format("  {:<6} {:<9} {}\n", then ? "still" : "NEW", to_string(now.severity), printable_line(now.title));
    if (then && then->title != now.title) text += fmt::format("         before:   {}\n", printable_line(then->title));
  }
  for (const Finding& then : before)
    if (!find(after, then.id))
      text += fmt::format("  {:<6} {:<9} {}{}\n", "gone", to_string(then.severity), printable_line(then.title),
                          examined(then, pid_before, snapshot_after) ? "" : "  (perhaps: not examined this time)");
  return text.empty() ? "  none in either\n" : text;
}

bool moved(const Figure& before, const Figure& after) {
  double scale = std::max(std::abs(before.value), std::abs(after.value));
  return before.mark != after.mark || (scale > 0 && std::abs(after.value - before.value) > kWorthTelling * scale);
}

std::string figures_text(const std::vector<Figure>& before, const std::vector<Figure>& after) {
  std::string text;
  size_t steady = 0;
  for (const Figure& now : after) {
    auto then = std::find_if(before.begin(), before.end(), [&](const Figure& f) { return f.key == now.key; });
    if (then == before.end()) {
      text += fmt::format("  {:<10} {:<28} {:<34} → {}\n", now.group, now.label, "(not known)", now.text);
    } else if (moved(*then, now)) {
      text += fmt::format("  {:<10} {:<28} {:<34} → {}\n", now.group, now.label, then->text, now.text);
    } else {
      ++steady;
    }
  }
  if (steady) text += fmt::format("  {} figures moved by less than a tenth\n", steady);
  return text.empty() ? "  none in common\n" : text;
}

std::string growth_text(const GaugeSeries& series, const Snapshot& after) {
  std::string text;
  for (const Growth& growth : growths(series, after))
    if (std::abs(growth.trend.change()) >= worth_telling(growth.gauge, growth.trend.first))
      text += fmt::format("  {:<28} {}\n", gauge_label(growth.gauge), growth_words(growth));
  return text.empty() ? text : fmt::format("\nGrowth, {} archives of one process\n", series.samples.size()) + text;
}

}  // namespace

std::string difference_text(const Snapshot& before, const std::vector<Finding>& findings_before, const Snapshot& after,
                            const std::vector<Finding>& findings_after, const GaugeSeries& series) {
  auto heading = [](const Snapshot& s) {
    return fmt::format("{} pid {} on {}, {}", printable_line(s.target.comm), s.target.pid, printable_line(s.host.name),
                       rfc3339(s.run.started_wall_ns));
  };
  double apart = static_cast<double>(after.run.started_wall_ns - before.run.started_wall_ns) / 1e9;
  std::string text = fmt::format("old  {}\nnew  {}  ({} {})\n", heading(before), heading(after),
                                 human_duration(std::abs(apart)), apart < 0 ? "earlier" : "later");
  if (apart < 0)
    text += "     the second archive is the older one: what is NEW here was there first, what is gone came later\n";
  if (before.target.pid != after.target.pid || before.target.start_ticks != after.target.start_ticks)
    text += "     another process: it was restarted, or the archives are of different targets\n";
  text += "\nFindings\n" + findings_text(findings_before, before.target.pid, findings_after, after);
  text += growth_text(series, after);
  text += "\nFigures\n" + figures_text(figures(before), figures(after));
  auto changes = profile_changes(before, after);
  if (!changes.empty()) text += "\nProfiles\n";
  for (const std::string& line : changes) text += "  " + line + "\n";
  return text;
}

}  // namespace ec
