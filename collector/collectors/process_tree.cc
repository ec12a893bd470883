#include <algorithm>

#include "collector/base/text.h"
#include "collector/collectors/host_constants.h"
#include "collector/collectors/process.h"
#include "collector/collectors/process_files.h"
#include "collector/proc/cmdline.h"
#include "collector/proc/pid_stat.h"
#include "collector/proc/proc_root.h"

namespace ec {

namespace {

constexpr size_t kMostChildren = 20'000;
constexpr size_t kMostCommandLines = 100;  // each needs the mmap lock of somebody else
constexpr int kMostAncestors = 64;
// Beyond it, one look at every process of the host is cheaper than one at every thread of the target.
constexpr size_t kMostTasksToAsk = 200;

std::string tree_path(int pid) { return process_path(pid, "tree.bundle"); }

// From /proc/PID/task/TID/children: zombies included. Nothing when the kernel does not offer it.
std::optional<std::vector<int>> children_by_task(const ProcRoot& proc, int pid) {
  std::vector<int> tids, children;
  bool many = false;
  auto listed = proc.each_number(fmt::format("{}/task", pid), [&](int tid) {
    many = tids.size() >= kMostTasksToAsk;
    if (!many) tids.push_back(tid);
    return !many;
  });
  if (!listed || many) return std::nullopt;
  std::string buffer;
  for (int tid : tids) {
    auto text = proc.read(fmt::format("{}/task/{}/children", pid, tid).c_str(), buffer);
    if (!text && tid == pid) return std::nullopt;
    if (!text) continue;  // the thread has ended
    FieldCursor fields(*text);
    while (auto child = fields.number<int>()) children.push_back(*child);
  }
  return children;
}

std::vector<int> children_by_scan(const ProcRoot& proc, int pid) {
  std::vector<int> children;
  std::string buffer;
  (void)proc.each_number("", [&](int candidate) {
    std::string path = fmt::format("{}/stat", candidate);
    auto text = proc.read(path.c_str(), buffer);
    auto stat = text ? parse_pid_stat(path, *text) : tl::unexpected(text.error());
    if (stat && stat->ppid == pid) children.push_back(candidate);
    return true;
  });
  return children;
}

// The parent, or 0.
int store_stat(GatherContext& context, const ProcRoot& proc, std::string_view group, int pid) {
  std::string path = fmt::format("{}/stat", pid);
  context.out.touch("/proc/" + path);
  auto text = proc.read(path);
  if (!text) return 0;
  context.out.section(raw_path(context.reading, tree_path(context.target->pid)), fmt::format("{}/{}", group, path),
                      *text);
  auto stat = parse_pid_stat(path, *text);
  return stat ? stat->ppid : 0;
}

void store_command_line(GatherContext& context, const ProcRoot& proc, std::string_view group, int pid) {
  std::string path = fmt::format("{}/cmdline", pid), shown = "/proc/" + path;
  if (context.out.hung_before(shown)) return;
  context.out.touch(shown, true);
  if (auto text = proc.read(path, 64 * 1024))
    context.out.section(raw_path(context.reading, tree_path(context.target->pid)), fmt::format("{}/{}", group, path),
                        *text);
}

}  // namespace

// States first, command lines afterwards: those can hang, and this collector then starts again.
void gather_process_tree(GatherContext& context) {
  if (!context.target) return;
  int pid = context.target->pid;
  std::string bundle = raw_path(context.reading, tree_path(pid));
  auto proc = ProcRoot::open("/proc");
  if (!proc) return context.out.failed(bundle, "/proc", proc.error());

  std::vector<int> ancestors;
  auto self = proc->read(fmt::format("{}/stat", pid));
  auto stat = self ? parse_pid_stat("stat", *self) : tl::unexpected(self.error());
  if (!stat) return context.out.failed(bundle, fmt::format("/proc/{}/stat", pid), stat.error());
  for (int at = stat->ppid; at > 0 && static_cast<int>(ancestors.size()) < kMostAncestors;) {
    ancestors.push_back(at);
    at = store_stat(context, *proc, "ancestors", at);
  }
  auto asked = children_by_task(*proc, pid);
  std::vector<int> children = asked ? std::move(*asked) : children_by_scan(*proc, pid);
  std::sort(children.begin(), children.end());
  if (children.size() > kMostChildren) {
    context.out.section(bundle, "children/omitted", fmt::format("{}\n", children.size() - kMostChildren));
    children.resize(kMostChildren);
  }
  for (int child : children) store_stat(context, *proc, "children", child);
  if (ancestors.empty() && children.empty()) context.out.section(bundle, "alone", "no parent and no children\n");

  if (context.hung.size() > 1) return;  // two of them hung: the names must do
  for (int ancestor : ancestors) store_command_line(context, *proc, "ancestors", ancestor);
  for (size_t i = 0; i < std::min(children.size(), kMostCommandLines); ++i)
    store_command_line(context, *proc, "children", children[i]);
}

namespace {

struct Related {
  std::vector<RelatedProcess> list;
  std::map<int, size_t> index;
  std::map<int, std::string> command_lines;
};

void add_section(Related& related, const Section& section, std::string_view rest, const HostConstants& constants) {
  size_t slash = rest.find('/');
  auto pid = parse_number<int>(rest.substr(0, slash));
  if (!pid || slash == std::string_view::npos) return;
  std::string_view file = rest.substr(slash + 1);
  if (file == "cmdline") {
    std::string line;
    for (const std::string& argument : parse_cmdline(section.bytes)) {
      if (!line.empty()) line += ' ';
      line += argument;
    }
    related.command_lines[*pid] = printable_line(line, 1000);
    return;
  }
  auto stat = parse_pid_stat(section.name, section.bytes);
  // A collector that was started again tells the same process twice.
  if (file != "stat" || !stat || !related.index.try_emplace(*pid, related.list.size()).second) return;
  RelatedProcess process;
  process.pid = *pid;
  process.ppid = stat->ppid;
  process.comm = stat->comm;
  process.state = stat->state;
  if (stat->rss_pages > 0) process.rss_bytes = static_cast<uint64_t>(stat->rss_pages) * constants.page_size;
  double started = static_cast<double>(stat->start_ticks) / static_cast<double>(constants.clock_ticks);
  process.age_seconds = std::max(0.0, static_cast<double>(constants.boottime_ns) / 1e9 - started);
  related.list.push_back(std::move(process));
}

std::vector<RelatedProcess> finished(Related related) {
  for (auto& [pid, line] : related.command_lines) {
    auto place = related.index.find(pid);
    if (place != related.index.end()) related.list[place->second].cmdline = std::move(line);
  }
  return std::move(related.list);
}

}  // namespace

void parse_process_tree(const RawStore& store, Snapshot& snapshot) {
  int pid = snapshot.target.pid;
  if (pid <= 0) return;
  auto bytes = store.read("raw/" + tree_path(pid));
  if (!bytes) {
    snapshot.process.children = bytes.error();
    snapshot.process.ancestors = bytes.error();
    return;
  }
  constexpr std::string_view kChildren = "children/", kAncestors = "ancestors/";
  HostConstants constants = host_constants(store);
  Related children, ancestors;
  for (const Section& section : parse_bundle(*bytes)) {
    if (section.failed) continue;
    if (section.name.starts_with(kChildren))
      add_section(children, section, section.name.substr(kChildren.size()), constants);
    if (section.name.starts_with(kAncestors))
      add_section(ancestors, section, section.name.substr(kAncestors.size()), constants);
  }
  snapshot.process.children = finished(std::move(children));
  snapshot.process.ancestors = finished(std::move(ancestors));
}

}  // namespace ec
