#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "collector/analysis/coverage.h"
#include "collector/analysis/gap_groups.h"
#include "collector/analysis/words.h"
#include "collector/base/text.h"
#include "collector/collectors/collector.h"
#include "collector/target/privileges.h"

namespace ec {

namespace {

// What nobody has to look for, and what is told in other words.
struct Scope {
  LeftOut left_out;
  std::optional<NotExamined> absent;
  std::set<std::string, std::less<>> told;  // artifacts
};

std::vector<std::string> left_in(const RunInfo& run, const LeftOut& out) {
  auto holds = [](const std::vector<std::string>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  std::vector<std::string> names;
  for (const Collector& collector : collector_table())
    if (collector.applies(run.options.contains("core")) && !holds(out.by_only, collector.name) &&
        !holds(out.by_skip, collector.name))
      names.emplace_back(collector.name);
  return names;
}

void from_wish(const RunInfo& run, const LeftOut& out, std::vector<NotExamined>& list) {
  auto add = [&](const char* option, const std::vector<std::string>& names) {
    if (names.empty()) return;
    std::vector<std::string> rest = left_in(run, out);
    bool most = 2 * names.size() > out.collectors && !rest.empty();  // then what is left in is shorter
    list.push_back({fmt::format("left out by {}", option),
                    most ? "all collectors but " + enumerate(rest, out.collectors) : enumerate(names, out.collectors),
                    fmt::format("run without {}", option)});
  };
  add("--only", out.by_only);
  add("--skip", out.by_skip);
}

// What this kernel or system was not made with is not missing: no option and no privilege brings it. Its collector says
// so in these words, and the manifest keeps the row; what a boot parameter brings has a fix, and is listed.
bool not_of_this_system(const ArtifactRow& row) {
  std::string_view reason = row.reason;
  if (auto colon = reason.find(": "); reason.starts_with('/') && colon != std::string_view::npos)
    reason.remove_prefix(colon + 2);
  return reason.starts_with("this kernel ") || reason.starts_with("this system ");
}

// Of this run, as far as its record tells: what it does not call missing was there.
std::string fix_for_refusal(const RunInfo& run, const std::vector<std::string>& privileges, bool owner = false) {
  OwnPrivileges own;
  own.root = run.root;
  own.initial_user_namespace = !run.in_user_namespace;
  bool missing = std::any_of(run.privileges_missing.begin(), run.privileges_missing.end(), [&](std::string_view words) {
    return std::find(privileges.begin(), privileges.end(), words.substr(0, words.find(':'))) != privileges.end();
  });
  if (!missing) own.effective = ~uint64_t{0};
  return ec::fix_for_refusal(own, privileges, owner);
}

// For a reason that has a refusal inside it: EACCES is what files of /proc say to who may not trace, EPERM what
// setns(2) says to who is no administrator.
std::string fix_within(const RunInfo& run, std::string_view reason) {
  if (reason.find("Permission denied") != std::string_view::npos) return fix_for_refusal(run, {"CAP_SYS_PTRACE"}, true);
  if (reason.find("Operation not permitted") != std::string_view::npos) return fix_for_refusal(run, {"CAP_SYS_ADMIN"});
  return {};
}

void from_rows(const Snapshot& snapshot, Scope& scope, GapGroups& groups) {
  for (const ArtifactRow& row : snapshot.artifacts) {
    if (row.status == Status::kOk) continue;
    bool nobody_has_it = row.status == Status::kSkipped && row.fix.empty() && (scope.absent || not_of_this_system(row));
    bool told_by_threads = row.path == "raw/stacks.json" && row.status == Status::kPartial && snapshot.stacks;
    if (nobody_has_it || told_by_threads) {
      scope.told.insert(row.path);
      continue;
    }
    ArtifactRow shown = row;
    if (shown.reason.starts_with("--")) shown.reason = "left out by " + shown.reason;
    if (shown.fix.empty()) shown.fix = fix_within(snapshot.run, shown.reason);
    groups.add(shown);
  }
  bool kernel_side = snapshot.stacks && snapshot.stacks->pause.mode == "kernel";
  groups.call("raw/user_stacks", kernel_side ? "user stacks" : "stacks");
  for (const char* path : {"raw/runtime.json", "raw/endpoint.json"}) groups.call(path, "debug endpoint");
  groups.call("raw/cpu_samples", "CPU profile");
}

void from_part(const char* name, const Error& why, const Scope& scope, GapGroups& groups) {
  // A collector that was not run for this command has nothing to say, and one that was left out is told.
  if (never_tried(why) && (why.code == ErrorCode::kSkipped || scope.left_out.count() > 0)) return;
  bool refused = why.code == ErrorCode::kDenied || why.code == ErrorCode::kIo || why.code == ErrorCode::kTimeout;
  if (scope.told.contains(why.where) || (scope.absent && !refused)) return;
  groups.add_part(name, why);
}

void from_parts(const Snapshot& snapshot, const Scope& scope, GapGroups& groups) {
  auto look = [&](const char* name, const auto& part) {
    if (!part) from_part(name, part.why(), scope, groups);
  };
  if (snapshot.target.pid != 0) {
    auto& process = snapshot.process;
    look("state and memory of the process", process.status);
    look("limits of the process", process.limits);
    look("cgroup of the process", process.cgroup);
    look("memory map", process.mappings);
    look("environment", process.environment);
    look("threads", snapshot.threads);
    look("stacks of the threads", snapshot.stacks);
    // Its collector has nothing to say of a process that is no JVM.
    if (!snapshot.jvm && !never_tried(snapshot.jvm.why())) look("thread dump of the JVM", snapshot.jvm);
    look("open files", snapshot.files);
    look("sockets of the network namespace", snapshot.sockets);
    look("logs", snapshot.logs);
    look("executable", snapshot.executable);
    look("forensic facts", snapshot.forensics);
    look("debug endpoint", snapshot.endpoints);
  }
  auto& host = snapshot.host;
  look("load", host.load);
  look("memory of the host", host.memory);
  look("disks", host.disks);
  look("filesystems", host.filesystems);
  look("TCP counters", host.tcp);
  look("processes of the host", host.processes);
  look("kernel log", host.kernel_log);
}

// What would let the stacks be taken as they were asked for.
std::string fix_for_gentler(const Pause& pause) {
  auto says = [&pause](std::string_view words) { return pause.why_gentler.find(words) != std::string::npos; };
  if (pause.mode == "kernel" || pause.mode == "none" || says("cannot stop itself")) return {};
  if (says("traces it already")) return "detach that tracer";
  if (says("cgroup is frozen")) return "thaw it";
  return "--max-pause with a larger number";
}

void from_stacks(const Snapshot& snapshot, std::vector<NotExamined>& list, GapGroups& groups) {
  if (!snapshot.stacks) return;
  auto& stacks = *snapshot.stacks;
  if (!stacks.pause.why_gentler.empty())
    list.push_back({fmt::format("stacks in mode \"{}\" (done: \"{}\")", printable_line(stacks.pause.asked, 20),
                                printable_line(stacks.pause.mode, 20)),
                    printable_line(stacks.pause.why_gentler, 200), fix_for_gentler(stacks.pause)});
  uint64_t without = 0;
  std::string note;
  for (auto& thread : stacks.threads)
    if (!thread.stack) {
      if (without++ == 0) note = thread.note;
    }
  std::string what = fmt::format("user stacks of {}", counted(without, "thread"));
  if (without > 0 && note == "ptrace: Operation not permitted")
    groups.add_part(what, Error{ErrorCode::kDenied, "", "", EPERM},
                    fix_for_refusal(snapshot.run, {"CAP_SYS_PTRACE"}, true));
  else if (without > 0)
    list.push_back({what, note.empty() ? "no stack was read" : printable_line(note, 200), ""});
  if (stacks.total_frames > 0 && ratio(stacks.unresolved_frames, stacks.total_frames) >= 0.05)
    list.push_back({fmt::format("function names of {:.0f} % of the frames",
                                100 * ratio(stacks.unresolved_frames, stacks.total_frames)),
                    "the modules have no symbols for them",
                    "emergency-collect symbolize ARCHIVE --debug-dir DIR, on any machine that has their debug symbols "
                    "(Debian: the -dbg or -dbgsym package)"});
}

void from_process_list(const Snapshot& snapshot, std::vector<NotExamined>& list) {
  if (snapshot.files && snapshot.files->truncated)
    list.push_back(
        {fmt::format("{} of {} open files",
                     snapshot.files->count - std::min<uint64_t>(snapshot.files->count, snapshot.files->files.size()),
                     snapshot.files->count),
         snapshot.files->why_truncated.empty() ? "more than the limit of one run"
                                               : printable_line(snapshot.files->why_truncated, 100),
         ""});
  if (snapshot.files && snapshot.files->without_flags > 0)
    list.push_back({fmt::format("flags and positions of {} of {} open files", snapshot.files->without_flags,
                                snapshot.files->count),
                    "there are too many to read them all in good time: their kinds and targets come first", ""});
  if (snapshot.run.interrupted)
    list.push_back({"whatever came after the interruption",
                    fmt::format("the run was ended by {}", snapshot.run.interrupted_by.empty()
                                                               ? "a signal"
                                                               : printable_line(snapshot.run.interrupted_by, 60)),
                    "run again, or with a larger --deadline"});
}

// The files are on disk, but not those that ran, or not at all: frames in them have no names.
void from_core(const Snapshot& snapshot, std::vector<NotExamined>& list) {
  if (!snapshot.core) return;
  for (const CoreProgramState& program : snapshot.core->programs) {
    if (program.problem.empty()) continue;
    std::string build =
        program.build_id.empty() ? "" : fmt::format(" (build id {})", printable_line(program.build_id, 80));
    list.push_back(
        {"unwinding tables and names of " + printable_line(program.path, 200) + build,
         printable_line(program.problem, 400),
         program.executable ? "--exe with the program of that build" : "put the library of that build at this path"});
  }
}

// Privileges that were missing where nothing says what was refused for it: sections of larger artifacts.
void from_privileges(const Snapshot& snapshot, const GapGroups& groups, std::vector<NotExamined>& list) {
  if (snapshot.core) return;  // no privilege is needed for a file
  std::vector<std::string> privileges;
  std::string lets_see;
  for (std::string_view missing : snapshot.run.privileges_missing) {
    auto colon = missing.find(": ");
    std::string privilege = printable_line(missing.substr(0, colon), 60);
    if (groups.refused_for_want_of(privilege)) continue;
    std::string words =
        colon == std::string_view::npos ? "what needs " + privilege : printable_line(missing.substr(colon + 2), 160);
    lets_see += (lets_see.empty() ? "" : "; ") + words;
    privileges.push_back(std::move(privilege));
  }
  if (privileges.empty()) return;
  list.push_back({std::move(lets_see), privileges.size() == 1 ? "missing privilege" : "missing privileges",
                  fix_for_refusal(snapshot.run, privileges)});
}

}  // namespace

std::vector<NotExamined> not_examined(const Snapshot& snapshot) {
  std::vector<NotExamined> list;
  Scope scope{left_out(snapshot.run), absent_by_nature(snapshot), {}};
  from_wish(snapshot.run, scope.left_out, list);
  if (scope.absent) list.push_back(*scope.absent);
  from_process_list(snapshot, list);
  from_core(snapshot, list);
  GapGroups groups;
  from_stacks(snapshot, list, groups);
  from_rows(snapshot, scope, groups);
  from_parts(snapshot, scope, groups);
  for (NotExamined& line : groups.lines()) list.push_back(std::move(line));
  from_privileges(snapshot, groups, list);
  return list;
}

}  // namespace ec
