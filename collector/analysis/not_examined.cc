#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "collector/analysis/words.h"
#include "collector/base/text.h"
#include "collector/target/privileges.h"

namespace ec {

namespace {

// "raw/proc/42/map_files/7f…" and its thousand neighbours have one shape: digits and long hex numbers do not count.
std::string shape_of(std::string_view text) {
  std::string shape;
  for (size_t i = 0; i < text.size();) {
    size_t end = i;
    bool digit = false;
    while (end < text.size() && std::isxdigit(static_cast<unsigned char>(text[end])))
      digit |= text[end] >= '0' && text[end] <= '9', ++end;
    if (end > i && digit &&
        (end - i >= 8 ||
         std::all_of(text.begin() + static_cast<ptrdiff_t>(i), text.begin() + static_cast<ptrdiff_t>(end),
                     [](char c) { return c >= '0' && c <= '9'; }))) {
      shape += '#';
      i = end;
    } else {
      shape += text[i++];
    }
  }
  return shape;
}

// First readings and second readings of one thing fail for one reason.
std::string subject_of(const ArtifactRow& row) {
  std::string_view path = row.path;
  for (std::string_view prefix : {"raw/second/", "raw/last/", "raw/"})
    if (path.starts_with(prefix)) {
      path.remove_prefix(prefix.size());
      break;
    }
  return std::string(path);
}

// "/proc/1/io: Permission denied" and "/proc/1/auxv: Permission denied" are one reason; the path is the subject.
std::string_view reason_of(const ArtifactRow& row) {
  std::string_view reason = row.reason;
  auto colon = reason.find(": ");
  if (colon != std::string_view::npos && (reason.front() == '/' || reason.substr(0, colon) == row.source))
    reason.remove_prefix(colon + 2);
  return reason;
}

struct RowGroup {
  std::vector<std::string> subjects;
  bool one_collector = true;
  const ArtifactRow* example = nullptr;
};

void from_rows(const Snapshot& snapshot, std::vector<NotExamined>& list) {
  // By reason: forty files that lack one privilege are one line.
  std::map<std::tuple<std::string, std::string, Status>, RowGroup> groups;
  std::vector<RowGroup*> order;
  for (auto& row : snapshot.artifacts) {
    if (row.status == Status::kOk) continue;
    auto [found, fresh] = groups.try_emplace({shape_of(reason_of(row)), row.fix, row.status});
    auto& group = found->second;
    if (fresh) {
      group.example = &row;
      order.push_back(&group);
    }
    group.one_collector &= row.collector == group.example->collector;
    if (group.subjects.size() < 10'000) group.subjects.push_back(subject_of(row));
  }
  for (auto* group : order) {
    auto& subjects = group->subjects;
    std::sort(subjects.begin(), subjects.end());
    subjects.erase(std::unique(subjects.begin(), subjects.end()), subjects.end());
    for (auto& subject : subjects) subject = printable_line(subject, 120);
    auto& row = *group->example;
    std::string what = enumerate(subjects, 4);
    if (subjects.size() > 4)
      what = fmt::format("{} artifacts{}: {}", subjects.size(),
                         group->one_collector && !row.collector.empty()
                             ? fmt::format(" of \"{}\"", printable_line(row.collector, 40))
                             : "",
                         enumerate(subjects, 3));
    std::string reason = printable_line(reason_of(row), 240);
    if (reason.empty()) reason = std::string(to_string(row.status));
    if (row.status == Status::kPartial) what += " (in part)";
    list.push_back({std::move(what), std::move(reason), printable_line(row.fix, 200)});
  }
}

void from_part(std::vector<NotExamined>& list, const char* what, const Error& why) {
  // A collector that was not run for this command has nothing to say.
  if (why.code == ErrorCode::kSkipped && why.detail == "not collected") return;
  std::string reason = printable_line(why.message(), 240);
  for (auto& entry : list)
    if (entry.reason.find(printable_line(why.detail, 200)) != std::string::npos && !why.detail.empty())
      return;  // the artifact's row told it already
  list.push_back({what, std::move(reason), ""});
}

void from_parts(const Snapshot& snapshot, std::vector<NotExamined>& list) {
  auto look = [&](const char* what, const auto& part) {
    if (!part) from_part(list, what, part.why());
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

void from_stacks(const Snapshot& snapshot, std::vector<NotExamined>& list) {
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
  if (without > 0)
    list.push_back({fmt::format("user stacks of {}", counted(without, "thread")),
                    note.empty() ? "no stack was read" : printable_line(note, 200), ""});
  if (stacks.total_frames > 0 && ratio(stacks.unresolved_frames, stacks.total_frames) >= 0.05)
    list.push_back({fmt::format("function names of {:.0f} % of the frames",
                                100 * ratio(stacks.unresolved_frames, stacks.total_frames)),
                    "the modules have no symbols for them",
                    "install their debug symbols (Debian: the -dbg or -dbgsym package) and collect again; the archive "
                    "keeps addresses and build ids"});
}

void from_process_list(const Snapshot& snapshot, std::vector<NotExamined>& list) {
  OwnPrivileges own;
  own.root = snapshot.run.root;
  own.initial_user_namespace = !snapshot.run.in_user_namespace;
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
  for (auto& missing : snapshot.run.privileges_missing) {
    auto colon = missing.find(':');
    std::string privilege = printable_line(missing.substr(0, colon), 60);
    list.push_back({colon == std::string::npos ? "what needs " + privilege
                                               : printable_line(trim(std::string_view(missing).substr(colon + 1)), 160),
                    "missing privilege " + privilege, fix_for_refusal(own, {privilege})});
  }
  if (snapshot.run.interrupted)
    list.push_back({"whatever came after the interruption",
                    fmt::format("the run was ended by {}", snapshot.run.interrupted_by.empty()
                                                               ? "a signal"
                                                               : printable_line(snapshot.run.interrupted_by, 60)),
                    "run again, or with a larger --deadline"});
}

}  // namespace

std::vector<NotExamined> not_examined(const Snapshot& snapshot) {
  std::vector<NotExamined> list;
  from_process_list(snapshot, list);
  from_stacks(snapshot, list);
  from_rows(snapshot, list);
  from_parts(snapshot, list);
  return list;
}

}  // namespace ec
