#include "collector/report/page_content.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>

#include "collector/analysis/frame_runs.h"
#include "collector/analysis/function_name.h"
#include "collector/analysis/growth.h"
#include "collector/analysis/profile_words.h"
#include "collector/analysis/sample_series.h"
#include "collector/analysis/thread_words.h"
#include "collector/analysis/usual.h"
#include "collector/analysis/words.h"
#include "collector/base/clock.h"
#include "collector/base/text.h"
#include "collector/report/runbook.h"
#include "collector/report/text_layout.h"

namespace ec {

namespace {

constexpr size_t kStacks = 6, kFrames = 8, kCommandBytes = 240;

// Built-in pages parse once; the tests hold them to it, and a page without commands is shown all the same.
const RunbookShelf* built_in_shelf() {
  static const Result<RunbookShelf> kShelf = RunbookShelf::open({});
  return kShelf ? &*kShelf : nullptr;
}

std::vector<std::string> facts_of(const Snapshot& snapshot) {
  std::vector<std::string> facts;
  auto add = [&](std::string text) {
    if (!text.empty()) facts.push_back(plain_line(text, 120));
  };
  if (snapshot.executable) {
    add(!snapshot.executable->product.empty() ? snapshot.executable->product : snapshot.executable->language);
    if (!snapshot.executable->package.empty()) add("package " + snapshot.executable->package);
  }
  if (snapshot.process.cgroup) {
    if (!snapshot.process.cgroup->unit.empty()) add("unit " + snapshot.process.cgroup->unit);
    if (!snapshot.process.cgroup->container_id.empty())
      add("container " + snapshot.process.cgroup->container_id.substr(0, 12));
  }
  if (snapshot.process.credential && !snapshot.process.credential->user.empty())
    add("user " + snapshot.process.credential->user);
  else if (snapshot.process.status)  // of a container, or made by systemd for this run (DynamicUser=)
    add(fmt::format("uid {}", snapshot.process.status->euid));
  if (snapshot.core) add("core file " + snapshot.core->path);
  if (snapshot.process.status && !snapshot.core)
    add("running for " + human_duration(snapshot.process.status->age_seconds));
  return facts;
}

// As ps(1) shows it; programs that rewrite it tell what they are at: "postgres: shop app [local] UPDATE waiting".
std::string command_of(const Snapshot& snapshot) {
  if (!snapshot.process.command_line) return {};
  std::string command;
  for (auto& argument : *snapshot.process.command_line) {
    if (command.size() > 4 * kCommandBytes) break;
    command += (command.empty() ? "" : " ") + argument;
  }
  return plain_line(trim(command), kCommandBytes);
}

// "  server.cc:42"
std::string short_place(const Frame& frame) {
  if (frame.file.empty() || frame.line <= 0 || frame.found_by == "python") return {};
  return fmt::format("  {}:{}", frame.file.substr(frame.file.rfind('/') + 1), frame.line);  // npos + 1 == 0
}

// Recursion is told once. Plumbing is left out: threads/stacks.txt has it. How many frames the lines stand for.
size_t add_frames(const ThreadIndex& index, const std::vector<uint32_t>& frames, std::vector<std::string>& lines) {
  size_t shown = 0;
  for (const FrameRun& run : frame_runs(frames)) {
    std::vector<std::string> cycle;
    for (size_t i = run.begin; i < run.begin + run.length && cycle.size() <= kFrames; ++i)
      if (auto* frame = index.frame(frames[i]); frame && !is_plumbing(frame->symbol))
        cycle.push_back(plain_line(spoken_frame(*frame) + short_place(*frame), 160));
    if (cycle.empty()) continue;
    bool whole = lines.size() + cycle.size() <= kFrames;
    if (whole && run.times > 1)
      cycle.back() += cycle.size() == 1 ? fmt::format("  ({} times)", run.times)
                                        : fmt::format("  (these {}, {} times)", cycle.size(), run.times);
    if (!whole) cycle.resize(kFrames - lines.size());
    shown += cycle.size() * (whole ? run.times : 1);
    std::move(cycle.begin(), cycle.end(), std::back_inserter(lines));
    if (lines.size() == kFrames) break;
  }
  return shown;
}

std::vector<PageStack> stacks_of(const ThreadIndex& index, const std::vector<ThreadGroup>& groups) {
  std::vector<PageStack> stacks;
  for (size_t i = 0; i < std::min(groups.size(), kStacks); ++i) {
    auto& group = groups[i];
    PageStack stack{group.tids.size(), plain_line(doing_at_stack(index, *group.example), 200), "", {}, 0};
    std::vector<std::string> names;
    for (int tid : group.tids) {
      if (names.size() == 4) break;
      auto* thread = index.thread(tid);
      std::string name = thread ? plain_line(thread->name, 32) : "";
      if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
    }
    stack.names = enumerate(names, 3);
    if (group.stack) {
      bool apart = !group.stack->python_frames.empty();
      size_t shown = add_frames(index, apart ? group.stack->python_frames : group.stack->frames, stack.frames);
      stack.more_frames = group.stack->frames.size() + group.stack->python_frames.size() - shown;
    } else if (group.example->kernel_frames) {
      for (size_t f = 0; f < std::min<size_t>(group.example->kernel_frames->size(), kFrames); ++f)
        stack.frames.push_back("[kernel] " + plain_line((*group.example->kernel_frames)[f], 100));
    }
    stacks.push_back(std::move(stack));
  }
  return stacks;
}

std::vector<std::string> cost_of(const Snapshot& snapshot) {
  std::vector<std::string> lines;
  if (snapshot.core) {
    lines.emplace_back("To the target: nothing, its core file was read");
  } else if (snapshot.stacks) {
    auto& pause = snapshot.stacks->pause;
    std::string line;
    if (pause.threads_stopped == 0)
      line = fmt::format("To the target: no thread was stopped ({} read without a stop)",
                         counted(static_cast<uint64_t>(std::max(pause.threads_read_without_stop, 0)), "thread"));
    else
      line = fmt::format(
          "To the target: {} stopped, {:.2f} ms in all and {:.2f} ms for the worst thread, of {} ms allowed; {} read "
          "without a stop",
          counted(static_cast<uint64_t>(pause.threads_stopped), "thread"), static_cast<double>(pause.stop_us) / 1000,
          static_cast<double>(pause.worst_thread_us) / 1000, pause.budget_us / 1000, pause.threads_read_without_stop);
    line += fmt::format("; {} interrupted; mode {}",
                        counted(static_cast<uint64_t>(std::max(pause.syscalls_interrupted, 0)), "system call"),
                        plain_line(pause.mode, 20));
    lines.push_back(line);
  } else if (snapshot.target.pid != 0) {
    lines.emplace_back("To the target: no thread was stopped, no stack was read");
  }
  if (snapshot.jvm)
    lines.push_back(
        fmt::format("To the JVM: one thread dump, answered in {:.1f} ms; its Java threads stood still for "
                    "less{}",
                    snapshot.jvm->answered_ms,
                    snapshot.jvm->signalled ? "; SIGQUIT made it open its attach socket first (--jvm-attach)" : ""));
  auto& cost = snapshot.run.cost;
  if (cost.wall_seconds > 0)
    lines.push_back(fmt::format("To the host: {:.2f} s, {:.2f} s of CPU time, {} of memory at most", cost.wall_seconds,
                                cost.cpu_seconds, human_bytes(static_cast<double>(cost.peak_rss_bytes))));
  uint64_t redactions = 0;
  for (auto& row : snapshot.artifacts) redactions += row.redactions;
  if (!snapshot.run.redacted)
    lines.emplace_back("Nothing was redacted: the archive may hold secrets (--no-redact)");
  else if (redactions > 0)
    lines.push_back(fmt::format("{} replaced before anything was stored", counted(redactions, "secret")));
  return lines;
}

std::vector<std::string> profiles_of(const Snapshot& snapshot) {
  std::vector<std::string> lines;
  if (std::string series = series_sentence(snapshot); !series.empty())
    lines.push_back(plain_line(series, 300) + "; see threads/samples.txt and threads/samples.svg");
  if (std::string grown = growth_sentence(snapshot); !grown.empty())
    lines.push_back(grown + "; see process/gauges.txt and process/gauges.svg");
  for (const std::string& sentence : profile_sentences(snapshot)) lines.push_back(plain_line(sentence, 300));
  if (snapshot.profiles) lines.emplace_back("functions and call paths of each: profiles/summary.txt");
  if (!snapshot.endpoints) return lines;
  for (std::string& line : endpoint_lines(*snapshot.endpoints)) lines.push_back(std::move(line));
  return lines;
}

}  // namespace

CommandPlaces command_places(const Snapshot& snapshot) {
  CommandPlaces places;
  if (snapshot.core) return places;
  places.pid = snapshot.target.pid;
  if (snapshot.endpoints)
    for (const Endpoint& endpoint : *snapshot.endpoints)
      if (places.endpoint.empty() && endpoint.kind == "go-pprof" && endpoint.url.starts_with("http"))
        places.endpoint = plain_line(endpoint.url, 200);
  return places;
}

std::string filled_in(std::string text, const CommandPlaces& places) {
  auto in_name = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
  auto fill = [&](std::string_view name, const std::string& value) {
    for (size_t at = text.find(name); at != std::string::npos; at = text.find(name, at)) {
      size_t end = at + name.size();
      if (end < text.size() && in_name(text[end])) {  // "$PID_FILE" is another variable
        at = end;
      } else {
        text.replace(at, name.size(), value);
        at += value.size();
      }
    }
  };
  if (places.pid != 0) fill("$PID", std::to_string(places.pid));
  if (!places.endpoint.empty()) fill("$ENDPOINT", places.endpoint);
  return text;
}

PageContent page_content(const Page& page) {
  auto& snapshot = page.snapshot;
  PageContent content;
  std::string host = plain_line(snapshot.host.name, 80);
  content.headline = snapshot.target.pid == 0 ? fmt::format("host {}", host)
                                              : fmt::format("{} on {}", plain_line(target_name(snapshot), 120),
                                                            host.empty() ? "this host" : host);
  content.facts = facts_of(snapshot);
  content.command = command_of(snapshot);
  if (snapshot.run.started_wall_ns != 0) content.taken = rfc3339(snapshot.run.started_wall_ns);
  if (snapshot.added_names)
    content.taken += fmt::format(" · names added {}", rfc3339(snapshot.added_names->at_wall_ns));
  content.verdict = plain_line(verdict(snapshot, page.findings), 1500);
  const CommandPlaces places = command_places(snapshot);
  const RunbookShelf* shelf = page.runbooks ? page.runbooks : built_in_shelf();
  for (auto& finding : page.findings) {
    PageFinding entry{&finding, {}, false};
    if (auto* runbook = shelf ? shelf->find(finding.id) : nullptr) {
      entry.has_runbook = true;
      for (auto& command : runbook->commands) {
        if (snapshot.core && command.find("$PID") != std::string::npos) continue;
        if (places.endpoint.empty() && command.find("$ENDPOINT") != std::string::npos) continue;
        entry.commands.push_back(filled_in(plain_line(command, 300), places));
      }
    }
    content.findings.push_back(std::move(entry));
  }
  content.baseline_archives = snapshot.baseline ? snapshot.baseline->archives.size() : 0;
  for (const Unusual& unusual : unusual_figures(snapshot))
    content.unusual.push_back({unusual.severity, plain_line(unusual_words(unusual), 300), unusual.suggestion});
  content.figures = figures(snapshot);
  if (snapshot.process.rates && snapshot.process.rates->interval_seconds > 0)
    content.rates_over = fmt::format("{:.1f} s", snapshot.process.rates->interval_seconds);
  ThreadIndex index(snapshot);
  auto groups = group_threads(snapshot, index);
  content.threads = snapshot.threads ? snapshot.threads->size() : 0;
  content.groups = groups.size();
  content.stacks = stacks_of(index, groups);
  add_goroutines(snapshot, content);
  add_java_threads(snapshot, content);
  content.cpu = cpu_words(snapshot);
  for (std::string& line : content.cpu.lines) line = plain_line(line, 500);
  if (snapshot.files) {
    content.open_files = snapshot.files->count;
    content.classes = file_classes(*snapshot.files);
  }
  if (snapshot.logs)
    for (auto& line : snapshot.logs->last_errors) content.last_errors.push_back(plain_line(line, 300));
  content.profiles = profiles_of(snapshot);
  content.not_examined = not_examined(snapshot);
  content.cost = cost_of(snapshot);
  return content;
}

}  // namespace ec
