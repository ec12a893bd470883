#include <fmt/format.h>

#include <algorithm>

#include "collector/analysis/rules.h"
#include "collector/base/text.h"

namespace ec::rules {

Findings target_died(const Snapshot& snapshot) {
  if (!snapshot.target.death) return {};
  auto& death = *snapshot.target.death;
  std::string how = in_sentence(death.how, 80);
  bool replaced = death.how == "replaced by exec";
  Finding finding{"target-died",
                  replaced ? Severity::kHigh : Severity::kCritical,
                  fmt::format("The process {} during the collection", replaced ? "was replaced by exec" : "ended"),
                  "",
                  {}};
  finding.detail = fmt::format("{} died {} after the collection began: {}{}{}.", target_name(snapshot),
                               human_duration(death.at_ms / 1000), how, death.evidence.empty() ? "" : "; ",
                               in_sentence(death.evidence, 200));
  if (replaced)
    finding.detail = fmt::format(
        "{} started another program (exec) {} after the collection began: what was read before and after belongs to "
        "two programs.",
        target_name(snapshot), human_duration(death.at_ms / 1000));
  else
    finding.detail += " What was read before that moment is in the archive; the rest is missing.";
  finding.evidence.push_back({"manifest.json", "target", fmt::format("{} at {:.0f} ms", how, death.at_ms)});
  if (!death.evidence.empty())
    finding.evidence.push_back({kernel_log_artifact(snapshot), "last lines", printable_line(death.evidence, 300)});
  return {finding};
}

Findings target_stopped(const Snapshot& snapshot) {
  Findings findings;
  auto& cgroup = snapshot.process.cgroup;
  auto add = [&](Severity severity, std::string title, std::string detail, Evidence evidence) {
    findings.push_back({"target-stopped", severity, std::move(title), std::move(detail), {std::move(evidence)}});
  };
  if (cgroup && cgroup->frozen.value_or(false))
    add(Severity::kCritical, "The cgroup is frozen",
        fmt::format("The cgroup of {} is frozen: none of its threads runs until somebody thaws it (docker pause, a "
                    "snapshot, a backup).",
                    target_name(snapshot)),
        control_file_evidence(snapshot, {"cgroup.events", "freezer.state"}, "frozen"));
  if (!snapshot.process.status) return findings;
  auto& status = *snapshot.process.status;
  Evidence state{raw_process(snapshot, "status"), "line \"State\"", fmt::format("State:\t{}", status.state)};
  if (status.core_dumping)
    add(Severity::kCritical, "The process is dumping core",
        fmt::format("{} has crashed and is writing its core dump; it serves nobody and ends when the dump is written.",
                    target_name(snapshot)),
        {raw_process(snapshot, "status"), "line \"CoreDumping\"", "CoreDumping:\t1"});
  else if (status.state == 'Z')
    add(Severity::kCritical, "The process has ended",
        fmt::format("{} is a zombie: it has ended, and its parent (pid {}) has not asked for its exit status.",
                    target_name(snapshot), status.ppid),
        state);
  else if (status.state == 'T')
    add(Severity::kCritical, "The process is stopped",
        fmt::format("{} is stopped (SIGSTOP, SIGTSTP or terminal access from the background): none of its threads runs "
                    "until it gets SIGCONT.",
                    target_name(snapshot)),
        state);
  else if (status.tracer_pid != 0) {
    bool held = status.state == 't';
    add(held ? Severity::kCritical : Severity::kMedium,
        held ? "The process is held by a tracer" : "The process is traced",
        fmt::format("{} is {} pid {} (a debugger, strace …){}.", target_name(snapshot),
                    held ? "stopped by its tracer" : "traced by", status.tracer_pid,
                    held ? ": it does no work until the tracer lets it go" : ": every traced event costs it time"),
        {raw_process(snapshot, "status"), "line \"TracerPid\"", fmt::format("TracerPid:\t{}", status.tracer_pid)});
  }
  return findings;
}

Findings deleted_or_replaced_executable(const Snapshot& snapshot) {
  if (!snapshot.executable) return {};
  auto& executable = *snapshot.executable;
  std::string path = in_sentence(executable.path, 120);
  Evidence link{raw_process(snapshot, "links.bundle"), "section exe", executable.deleted ? path + " (deleted)" : path};
  // A file in memory always reads as deleted: there never was one on the disk. `suspicious-process` tells of it.
  if (executable.path.starts_with("/memfd:")) return {};
  if (executable.deleted && !executable.replaced)
    return {{"deleted-or-replaced-executable",
             Severity::kMedium,
             "The executable is deleted",
             fmt::format("{} runs {}, which is no longer on the disk: it cannot be started again from there.",
                         target_name(snapshot), path),
             {link}}};
  if (executable.replaced)
    return {
        {"deleted-or-replaced-executable",
         Severity::kLow,
         "The executable on disk is another one",
         fmt::format(
             "{} still runs the old {}: the file was replaced since the start, and a restart will start other code.",
             target_name(snapshot), path),
         {link}}};
  if (executable.changed_libraries.empty()) return {};
  std::vector<std::string> names;
  for (auto& library : executable.changed_libraries) names.push_back(in_sentence(library, 80));
  Finding finding{
      "deleted-or-replaced-executable",
      Severity::kLow,
      fmt::format("{} replaced on disk", counted(names.size(), "mapped library was", "mapped libraries were")),
      fmt::format("{} still uses old copies of {}: an update was installed and the process not restarted.",
                  target_name(snapshot), enumerate(names, 3)),
      {}};
  for (size_t i = 0; i < std::min<size_t>(names.size(), 3); ++i)
    finding.evidence.push_back({raw_process(snapshot, "maps"), names[i], names[i] + " (deleted)"});
  return {finding};
}

Findings zombie_children(const Snapshot& snapshot) {
  if (!snapshot.process.children) return {};
  uint64_t zombies = 0;
  const RelatedProcess* example = nullptr;
  for (auto& child : *snapshot.process.children)
    if (child.state == 'Z') {
      ++zombies;
      if (!example || child.age_seconds > example->age_seconds) example = &child;
    }
  // Between a child's end and wait(2) every parent has a few for a moment.
  bool old = example && example->age_seconds >= 10;
  if (zombies < 5 || (zombies < 50 && !old)) return {};
  Severity severity = zombies >= 1000 ? Severity::kHigh : zombies >= 50 ? Severity::kMedium : Severity::kLow;
  return {{"zombie-children",
           severity,
           counted(zombies, "zombie child", "zombie children"),
           fmt::format("{} does not wait for its ended children: {} of {} are zombies, {} (pid {}) for one. Each keeps "
                       "a process id; memory and files are already freed.",
                       target_name(snapshot), zombies, counted(snapshot.process.children->size(), "child", "children"),
                       in_sentence(example->comm, 32), example->pid),
           {{raw_process(snapshot, "tree.bundle"), fmt::format("section {}/stat", example->pid),
             fmt::format("{} ({}) Z {}", example->pid, in_sentence(example->comm, 32), example->ppid)}}}};
}

namespace {

// Programs that compile while they run map memory writable and executable all the time.
bool compiles_at_run_time(const Snapshot& snapshot) {
  if (!snapshot.executable) return false;
  for (std::string_view prefix : {"JVM", "Java", "Node", ".NET", "LuaJIT", "PyPy", "Ruby", "PHP", "Erlang"})
    if (snapshot.executable->language.starts_with(prefix)) return true;
  return false;
}

}  // namespace

Findings suspicious_process(const Snapshot& snapshot) {
  if (!snapshot.forensics) return {};
  std::vector<const ForensicFact*> facts;
  bool jit = compiles_at_run_time(snapshot), of_target = false;
  for (auto& fact : *snapshot.forensics) {
    bool serious = fact.severity == "medium" || fact.severity == "high" || fact.severity == "critical";
    if (!serious || (jit && fact.kind == "writable-executable-mapping")) continue;
    facts.push_back(&fact);
    // These two are about other processes: worth a look, not worth an alarm in the middle of another incident.
    of_target |= fact.kind != "vanished-executable" && fact.kind != "unowned-listener";
  }
  if (facts.empty()) return {};
  if (of_target)  // what other processes do is not held against this one
    std::erase_if(facts,
                  [](auto* fact) { return fact->kind == "vanished-executable" || fact->kind == "unowned-listener"; });
  std::vector<std::string> words;
  for (auto* fact : facts)
    words.push_back(fmt::format("{} ({})", in_sentence(fact->kind, 40), in_sentence(fact->subject, 60)));
  Finding finding{"suspicious-process",
                  of_target ? Severity::kMedium : Severity::kInfo,
                  fmt::format("{} that {}", counted(facts.size(), "trace"),
                              facts.size() == 1 ? "a service rarely leaves" : "services rarely leave"),
                  "",
                  {}};
  finding.detail = fmt::format(
      "{} shows {} of what ordinary services rarely do: {}. It may be harmless; if nobody expects it, treat the host "
      "as evidence.",
      of_target ? target_name(snapshot) : "Another process of the host", counted(facts.size(), "trace"),
      enumerate(words, 3));
  for (size_t i = 0; i < std::min<size_t>(facts.size(), 5); ++i)
    finding.evidence.push_back({facts[i]->artifact.empty() ? "forensics.txt" : in_sentence(facts[i]->artifact, 100),
                                in_sentence(facts[i]->locator, 60),
                                printable_line(facts[i]->subject + ": " + facts[i]->detail, 200)});
  return {finding};
}

}  // namespace ec::rules
