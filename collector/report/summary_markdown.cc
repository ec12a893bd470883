// summary.md. Everything that comes from the machine goes through markdown_text() or markdown_code(); stacks stand in
// indented blocks, which no content can close.
#include <fmt/format.h>

#include <algorithm>

#include "collector/analysis/words.h"
#include "collector/base/text.h"
#include "collector/report/page_content.h"
#include "collector/report/text_layout.h"

namespace ec {

namespace {

constexpr size_t kPageLimit = 64 * 1024, kFindings = 40, kEvidence = 6, kNotExamined = 80, kClasses = 12;

// Sections in order of importance; what does not fit any more is left out at a line's end, and said.
class BoundedPage {
 public:
  void line(std::string_view text = {}) {
    if (full_) return;
    if (page_.size() + text.size() + 1 > kPageLimit - kNote.size() - 1) {
      full_ = true;
      page_ += '\n';
      page_ += kNote;
      return;
    }
    page_ += text;
    page_ += '\n';
  }
  std::string take() { return std::move(page_); }

 private:
  static constexpr std::string_view kNote =
      "*The page ends here, at 64 KB; summary.json and the archive have the rest.*\n";
  std::string page_;
  bool full_ = false;
};

void findings(const PageContent& content, BoundedPage& page) {
  page.line("## Findings");
  page.line();
  if (content.findings.empty()) page.line("None.");
  for (size_t i = 0; i < std::min(content.findings.size(), kFindings); ++i) {
    auto& [finding, commands, has_runbook] = content.findings[i];
    page.line(fmt::format("### {}. {}: {}", i + 1, to_string(finding->severity), markdown_text(finding->title, 300)));
    page.line();
    page.line("**" + markdown_text(finding->id, 80) + "** · " + markdown_text(finding->detail, 2000));
    page.line();
    for (size_t e = 0; e < std::min(finding->evidence.size(), kEvidence); ++e) {
      auto& evidence = finding->evidence[e];
      page.line(fmt::format("- {} {}: {}", markdown_code(evidence.artifact, 200), markdown_text(evidence.locator, 160),
                            markdown_code(evidence.excerpt, 300)));
    }
    if (finding->evidence.size() > kEvidence)
      page.line(fmt::format("- … {} more in summary.json", finding->evidence.size() - kEvidence));
    for (size_t c = 0; c < std::min<size_t>(commands.size(), 3); ++c)
      page.line(fmt::format("- {} {}", c == 0 ? "Next:" : "Then:", markdown_code(commands[c], 300)));
    if (has_runbook) page.line(fmt::format("- Runbook: [runbooks/{0}.md](runbooks/{0}.md)", finding->id));
    page.line();
  }
  if (content.findings.size() > kFindings)
    page.line(fmt::format("{} more findings are in summary.json.", content.findings.size() - kFindings));
  page.line();
}

std::string_view mark_word(Figure::Mark mark) {
  return mark == Figure::Mark::kBad ? "!!" : mark == Figure::Mark::kWarning ? "!" : "";
}

void higher_than_usual(const PageContent& content, BoundedPage& page) {
  if (content.baseline_archives == 0) return;
  page.line("## Higher than usual");
  page.line();
  if (content.unusual.empty())
    page.line(fmt::format("Nothing: no figure is 1.5 times what it was in {}, or more.",
                          counted(content.baseline_archives, "archive")));
  for (auto& unusual : content.unusual)
    page.line(fmt::format("- **{}** {}. {}", to_string(unusual.severity), markdown_text(unusual.words, 400),
                          markdown_text(unusual.suggestion, 200)));
  page.line();
}

void key_figures(const PageContent& content, BoundedPage& page) {
  if (content.figures.empty()) return;
  page.line(content.rates_over.empty() ? "## Key figures" : "## Key figures (rates over " + content.rates_over + ")");
  page.line();
  page.line("| | | |");
  page.line("|---|---|---|");
  std::string group;
  for (auto& figure : content.figures) {
    std::string heading = figure.group == group ? "" : "**" + markdown_text(figure.group, 40) + "** ";
    group = figure.group;
    page.line(fmt::format("| {}{} | {} | {} |", heading, markdown_cell(figure.label, 60),
                          markdown_cell(figure.text, 300), mark_word(figure.mark)));
  }
  page.line();
}

void equal_stacks(const PageStack& stack, BoundedPage& page) {
  page.line(fmt::format("**{} ×** {}{}", stack.count, markdown_code(stack.doing, 240),
                        stack.names.empty() ? "" : " (" + markdown_text(stack.names, 200) + ")"));
  page.line();
  for (auto& frame : stack.frames) page.line("    " + frame);
  if (stack.more_frames > 0) page.line(fmt::format("    … {} more", stack.more_frames));
  page.line();
}

void threads(const PageContent& content, BoundedPage& page) {
  if (content.threads == 0) return;
  page.line("## Threads");
  page.line();
  page.line(fmt::format("{} in {} of equal stacks; all of them in `threads/stacks.txt`.",
                        counted(content.threads, "thread"), counted(content.groups, "group")));
  page.line();
  for (auto& stack : content.stacks) equal_stacks(stack, page);
}

void tasks(const PageTasks& tasks, BoundedPage& page) {
  if (tasks.count == 0) return;
  page.line("## " + tasks.heading);
  page.line();
  page.line(fmt::format("{} in {} of equal stacks: {}. All of them in `{}`.", counted(tasks.count, tasks.one),
                        counted(tasks.groups, "group"), markdown_text(tasks.states, 400), tasks.artifact));
  page.line();
  for (auto& stack : tasks.stacks) equal_stacks(stack, page);
}

void open_files(const PageContent& content, BoundedPage& page) {
  if (content.classes.empty()) return;
  page.line("## Open files");
  page.line();
  page.line(fmt::format("{} descriptors, in `process/fds.json` and `process/open_files.txt`.", content.open_files));
  page.line();
  for (size_t i = 0; i < std::min(content.classes.size(), kClasses); ++i)
    page.line(fmt::format("- {} {}", content.classes[i].count, markdown_text(content.classes[i].words, 100)));
  page.line();
}

void list(BoundedPage& page, std::string_view heading, const std::vector<std::string>& lines, bool code) {
  if (lines.empty()) return;
  page.line(fmt::format("## {}", heading));
  page.line();
  for (auto& line : lines) page.line("- " + (code ? markdown_code(line, 400) : markdown_text(line, 600)));
  page.line();
}

void gaps(const PageContent& content, BoundedPage& page) {
  page.line("## Not examined");
  page.line();
  if (content.not_examined.empty()) page.line("Nothing: all that was planned was collected.");
  for (size_t i = 0; i < std::min(content.not_examined.size(), kNotExamined); ++i) {
    auto& gap = content.not_examined[i];
    page.line(fmt::format("- **{}**: {}.{}", markdown_text(gap.what, 400), markdown_text(gap.reason, 300),
                          gap.fix.empty() ? "" : " To get it: " + markdown_text(gap.fix, 200) + "."));
  }
  if (content.not_examined.size() > kNotExamined)
    page.line(fmt::format("- {} more in manifest.json", content.not_examined.size() - kNotExamined));
  page.line();
}

}  // namespace

std::string summary_markdown(const Page& page) {
  PageContent content = page_content(page);
  BoundedPage out;
  out.line("# " + markdown_text(content.headline, 300));
  out.line();
  out.line("**" + markdown_text(content.verdict, 1500) + "**");
  out.line();
  std::string facts = content.taken;
  for (auto& fact : content.facts) facts += (facts.empty() ? "" : " · ") + fact;
  out.line("Taken " + markdown_text(facts, 800));
  if (!content.command.empty()) {
    out.line();
    out.line("Command: " + markdown_code(content.command, 500));
  }
  out.line();
  findings(content, out);
  higher_than_usual(content, out);
  key_figures(content, out);
  tasks(content.goroutines, out);
  tasks(content.java_threads, out);
  if (!content.cpu.lines.empty())
    list(out, fmt::format("CPU profile: {} (`profiles/cpu.txt`)", content.cpu.heading), content.cpu.lines, false);
  threads(content, out);
  open_files(content, out);
  list(out, "Last errors in its logs", content.last_errors, true);
  list(out, "Profiles", content.profiles, false);
  gaps(content, out);
  list(out, "What the collection cost", content.cost, false);
  if (!page.archive_path.empty()) out.line("Archive: " + markdown_code(page.archive_path, 1000));
  return out.take();
}

}  // namespace ec
