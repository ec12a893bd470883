// The first page at 3 a.m.: what is wrong, what to type next, then the figures, then the rest.
#include <fmt/format.h>

#include <algorithm>

#include "collector/analysis/words.h"
#include "collector/base/text.h"
#include "collector/report/page_content.h"
#include "collector/report/terminal_writer.h"

namespace ec {

namespace {

constexpr size_t kFullFindings = 10, kEvidence = 2, kNotExamined = 12, kClasses = 8, kErrors = 3, kStacks = 5,
                 kFrames = 8;

void finding(const PageFinding& entry, bool full, TerminalWriter& out) {
  auto& finding = *entry.finding;
  std::string word(to_string(finding.severity));
  std::transform(word.begin(), word.end(), word.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  out.item(fmt::format(" {:<8} ", word), plain_line(finding.title, 300), tone_of(finding.severity), Tone::kBold);
  if (!full) return;
  out.item("          ", plain_line(finding.detail, 1500));
  for (size_t i = 0; i < std::min(finding.evidence.size(), kEvidence); ++i) {
    auto& evidence = finding.evidence[i];
    out.item("          see      ",
             fmt::format("{} {}: {}", plain_line(evidence.artifact, 160), plain_line(evidence.locator, 120),
                         plain_line(evidence.excerpt, 200)),
             Tone::kDim, Tone::kDim);
  }
  if (!entry.commands.empty()) out.item("          next     ", entry.commands.front(), Tone::kGreen);
  if (entry.has_runbook)
    out.item("          runbook  ", "emergency-collect runbook show " + finding.id, Tone::kDim, Tone::kDim);
}

void findings(const PageContent& content, TerminalWriter& out) {
  out.blank();
  out.heading("FINDINGS");
  if (content.findings.empty()) out.line(" none");
  size_t full = 0, hidden = 0;
  for (auto& entry : content.findings) {
    bool worth = entry.finding->severity <= Severity::kMedium;
    bool all = full < kFullFindings && (worth || content.findings.size() <= 4);
    if (all)
      ++full;
    else if (full + ++hidden > 3 * kFullFindings)
      continue;
    finding(entry, all, out);
  }
}

void higher_than_usual(const PageContent& content, TerminalWriter& out) {
  if (content.baseline_archives == 0) return;
  out.blank();
  out.heading("HIGHER THAN USUAL  beside " + counted(content.baseline_archives, "archive"));
  if (content.unusual.empty()) out.line(" nothing");
  for (auto& unusual : content.unusual) {
    out.item(fmt::format(" {:<8} ", to_string(unusual.severity)), unusual.words, tone_of(unusual.severity),
             tone_of(unusual.severity));
    out.item("          → ", unusual.suggestion, Tone::kGreen, Tone::kDim);
  }
}

void key_figures(const PageContent& content, TerminalWriter& out) {
  if (content.figures.empty()) return;
  out.blank();
  out.heading(content.rates_over.empty() ? "KEY FIGURES" : "KEY FIGURES  rates over " + content.rates_over);
  size_t width = 0;
  for (auto& figure : content.figures) width = std::max(width, display_width(figure.label));
  width = std::min<size_t>(width, 24);
  std::string group;
  for (auto& figure : content.figures) {
    if (figure.group != group) out.line(" " + (group = figure.group), Tone::kDim);
    std::string_view mark = figure.mark == Figure::Mark::kBad       ? "!!"
                            : figure.mark == Figure::Mark::kWarning ? " !"
                                                                    : "  ";
    out.item(fmt::format(" {} {} ", mark, padded(clip(plain_line(figure.label, 60), width), width)),
             plain_line(figure.text, 300), tone_of(figure.mark), tone_of(figure.mark));
  }
}

void equal_stacks(const std::vector<PageStack>& stacks, TerminalWriter& out) {
  for (size_t i = 0; i < std::min(stacks.size(), kStacks); ++i) {
    auto& stack = stacks[i];
    out.item(fmt::format(" {:>5} × ", stack.count),
             stack.doing + (stack.names.empty() ? "" : "  (" + stack.names + ")"), Tone::kBold);
    for (size_t f = 0; f < std::min(stack.frames.size(), kFrames); ++f) out.line("         " + stack.frames[f]);
    if (stack.more_frames > 0) out.line(fmt::format("         … {} more", stack.more_frames), Tone::kDim);
  }
}

void threads(const PageContent& content, TerminalWriter& out) {
  if (content.threads == 0) return;
  out.blank();
  out.heading(fmt::format("THREADS  {} in {} of equal stacks", content.threads, counted(content.groups, "group")));
  equal_stacks(content.stacks, out);
  if (content.groups > kStacks)
    out.line(fmt::format("   … {} more groups: threads/stacks.txt", content.groups - kStacks), Tone::kDim);
}

void tasks(const PageTasks& tasks, TerminalWriter& out) {
  if (tasks.count == 0) return;
  out.blank();
  std::string heading = tasks.heading;
  std::transform(heading.begin(), heading.end(), heading.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  out.heading(fmt::format("{}  {} in {} of equal stacks", heading, tasks.count, counted(tasks.groups, "group")));
  out.item("   ", tasks.states);
  equal_stacks(tasks.stacks, out);
  if (tasks.groups > kStacks)
    out.line(fmt::format("   … {} more groups: {}", tasks.groups - kStacks, tasks.artifact), Tone::kDim);
}

void cpu_profile(const PageContent& content, TerminalWriter& out) {
  if (content.cpu.lines.empty()) return;
  out.blank();
  out.heading("CPU PROFILE  " + content.cpu.heading);
  for (auto& line : content.cpu.lines) out.item(" ", line);
  out.line(" more in profiles/cpu.txt and profiles/cpu.svg", Tone::kDim);
}

void open_files(const PageContent& content, TerminalWriter& out) {
  if (content.classes.empty()) return;
  out.blank();
  out.heading(fmt::format("OPEN FILES  {}", content.open_files));
  for (size_t i = 0; i < std::min(content.classes.size(), kClasses); ++i)
    out.line(fmt::format(" {:>7}  {}", content.classes[i].count, content.classes[i].words));
  if (content.classes.size() > kClasses)
    out.line(fmt::format("   … {} more classes: process/open_files.txt", content.classes.size() - kClasses),
             Tone::kDim);
}

void gaps(const PageContent& content, TerminalWriter& out) {
  out.blank();
  out.heading("NOT EXAMINED");
  if (content.not_examined.empty()) out.line(" nothing: all that was planned was collected");
  for (size_t i = 0; i < std::min(content.not_examined.size(), kNotExamined); ++i) {
    auto& gap = content.not_examined[i];
    out.item(" - ",
             fmt::format("{}: {}{}", plain_line(gap.what, 300), plain_line(gap.reason, 240),
                         gap.fix.empty() ? "" : "  → " + plain_line(gap.fix, 200)),
             Tone::kYellow);
  }
  if (content.not_examined.size() > kNotExamined)
    out.line(fmt::format("   … {} more: summary.md, manifest.json", content.not_examined.size() - kNotExamined),
             Tone::kDim);
}

Tone tone_of_verdict(const PageContent& content) {
  return content.findings.empty() || content.findings.front().finding->severity > Severity::kMedium
             ? Tone::kGreen
             : tone_of(content.findings.front().finding->severity);
}

}  // namespace

std::string summary_terminal(const Page& page, bool colour, int columns) {
  PageContent content = page_content(page);
  TerminalWriter out(colour, columns);
  out.line(content.headline, Tone::kBold);
  std::string facts = content.taken;
  for (auto& fact : content.facts) facts += (facts.empty() ? "" : " · ") + fact;
  if (!facts.empty()) out.item("", facts, Tone::kNone, Tone::kDim);
  if (!content.command.empty()) out.item("", content.command, Tone::kNone, Tone::kDim);
  out.blank();
  out.item("", content.verdict, Tone::kNone,
           tone_of_verdict(content) == Tone::kAlarm ? Tone::kRed : tone_of_verdict(content));
  findings(content, out);
  higher_than_usual(content, out);
  key_figures(content, out);
  tasks(content.goroutines, out);
  tasks(content.java_threads, out);
  cpu_profile(content, out);
  threads(content, out);
  open_files(content, out);
  if (!content.last_errors.empty()) {
    out.blank();
    out.heading("LAST ERRORS IN ITS LOGS");
    for (size_t i = content.last_errors.size() - std::min(content.last_errors.size(), kErrors);
         i < content.last_errors.size(); ++i)
      out.item(" ", content.last_errors[i]);
  }
  if (!content.profiles.empty()) {
    out.blank();
    out.heading("PROFILES");
    for (auto& line : content.profiles) out.item(" ", line);
  }
  gaps(content, out);
  out.blank();
  out.heading("COST");
  for (auto& line : content.cost) out.item(" ", line);
  if (!page.archive_path.empty()) {
    out.blank();
    // A path is copied by hand or mouse: it is never clipped or broken.
    std::string text = out.take();
    return text + toned("ARCHIVE", Tone::kBold, colour) + "  " + plain_line(page.archive_path, 4096) + "\n";
  }
  return out.take();
}

std::string update_terminal(const Page& before, const Page& now, bool colour, int columns) {
  PageContent was = page_content(before), is = page_content(now);
  TerminalWriter out(colour, columns);
  std::vector<const PageFinding*> fresh;
  for (auto& entry : is.findings) {
    bool known = std::any_of(was.findings.begin(), was.findings.end(), [&](const PageFinding& old) {
      return old.finding->id == entry.finding->id && old.finding->severity <= entry.finding->severity;
    });
    if (!known) fresh.push_back(&entry);
  }
  bool new_verdict = is.verdict != was.verdict && !fresh.empty();
  std::vector<std::string> profiles;
  for (auto& line : is.profiles)
    if (std::find(was.profiles.begin(), was.profiles.end(), line) == was.profiles.end()) profiles.push_back(line);
  bool new_cpu = is.cpu.heading != was.cpu.heading;
  if (fresh.empty() && profiles.empty() && !new_cpu) return "";
  out.blank();
  out.heading("SINCE THE FIRST PAGE");
  if (new_verdict) out.item("", is.verdict);
  for (auto* entry : fresh) finding(*entry, true, out);
  for (auto& line : profiles) out.item(" profiles  ", line, Tone::kGreen);
  if (new_cpu) cpu_profile(is, out);
  return out.take();
}

}  // namespace ec
