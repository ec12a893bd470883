// Other ways to name a target than its PID. All read T0 files; command lines, which need the mmap lock of their process
// and can block for ever, are read in a helper process.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <set>

#include "collector/base/helper_process.h"
#include "collector/base/text.h"
#include "collector/proc/pid_cgroup.h"
#include "collector/proc/pid_stat.h"
#include "collector/proc/proc_root.h"
#include "collector/target/identity.h"
#include "collector/target/match.h"

namespace ec {

namespace {

constexpr size_t kCommandLineBytes = 4096;
constexpr size_t kEnvironmentBytes = 256 * 1024;
constexpr milliseconds kStuckAfter{250};
constexpr milliseconds kCommandLinesBudget{2000};

struct Host {
  ProcRoot proc;
  ProcessNodes all;
};

Result<Host> read_host() {
  auto proc = ProcRoot::open("/proc");
  if (!proc) return tl::unexpected(proc.error());
  Host host{std::move(*proc), {}};
  std::string buffer, path;
  auto listed = host.proc.each_number("", [&](int pid) {
    path = fmt::format("{}/stat", pid);
    auto text = host.proc.read(path.c_str(), buffer);
    if (!text) return true;  // gone since the directory was read, or hidden
    if (auto stat = parse_pid_stat(path, *text))
      host.all[pid] = {pid, stat->ppid, stat->start_ticks, stat->state, std::move(stat->comm)};
    return true;
  });
  if (!listed) return tl::unexpected(listed.error());
  return host;
}

// What is asked of each process; runs in a helper.
using ReadOne = std::string (*)(const ProcRoot& proc, pid_t pid, std::string& buffer);

// Frames of the helper: the pid in decimal, a space, the bytes.
void write_answers(FrameWriter& out, const std::vector<pid_t>& pids, size_t first, ReadOne read_one) {
  auto proc = ProcRoot::open("/proc");
  if (!proc) return;
  std::string buffer;
  for (size_t i = first; i < pids.size(); ++i) {
    out.touch(std::to_string(i), true);
    out.frame(fmt::format("{} {}", pids[i], read_one(*proc, pids[i], buffer)));
  }
}

// A process that does not answer in time has no entry.
std::map<pid_t, std::string> ask_each(const std::vector<pid_t>& pids, ReadOne read_one) {
  std::map<pid_t, std::string> lines;
  Deadline deadline = Deadline::in(kCommandLinesBudget);
  size_t first = 0;
  while (first < pids.size() && !deadline.passed()) {
    auto helper = HelperProcess::start([&](FrameWriter& out) { write_answers(out, pids, first, read_one); });
    if (!helper) return lines;
    std::string frame;
    while (true) {
      auto status = helper->poll_frame(frame);
      if (status == HelperProcess::Status::kEnded) return lines;
      if (status == HelperProcess::Status::kFrame) {
        size_t space = frame.find(' ');
        auto pid = parse_number<pid_t>(std::string_view(frame).substr(0, space));
        if (pid && space != std::string::npos) lines[*pid] = frame.substr(space + 1);
        continue;
      }
      if (helper->since_touch() > kStuckAfter || deadline.passed()) break;
      pollfd waiting{helper->fd(), POLLIN, 0};
      poll(&waiting, 1, 20);
    }
    // What it hangs on was tried; a new helper goes on behind it.
    first = std::max(first, parse_number<size_t>(helper->last_touch()).value_or(pids.size())) + 1;
  }
  return lines;
}

// Raw, NUL-separated.
std::map<pid_t, std::string> read_command_lines(const std::vector<pid_t>& pids) {
  return ask_each(pids, [](const ProcRoot& proc, pid_t pid, std::string& buffer) {
    auto text = proc.read(fmt::format("{}/cmdline", pid).c_str(), buffer, kCommandLineBytes);
    return std::string(text ? *text : std::string_view{});
  });
}

// Of several processes of a unit the one that systemd started: it told that one, and so all below, its PID (since 248).
// All of them when that is not to be seen, or is not one.
std::vector<pid_t> started_by_systemd(const std::vector<pid_t>& pids) {
  auto answers = ask_each(pids, [](const ProcRoot& proc, pid_t pid, std::string& buffer) -> std::string {
    auto text = proc.read(fmt::format("{}/environ", pid).c_str(), buffer, kEnvironmentBytes);
    return text && environment_value(*text, "SYSTEMD_EXEC_PID") == std::to_string(pid) ? "main" : "";
  });
  std::vector<pid_t> started;
  for (pid_t pid : pids)
    if (auto answer = answers.find(pid); answer != answers.end() && answer->second == "main") started.push_back(pid);
  return started.size() == 1 ? started : pids;
}

std::vector<Candidate> described(const std::vector<pid_t>& roots, const ProcessNodes& all) {
  auto lines = read_command_lines(roots);
  std::vector<Candidate> result;
  for (pid_t pid : roots) {
    auto node = all.find(pid);
    result.push_back({pid, node == all.end() ? "" : node->second.comm, std::move(lines[pid])});
  }
  return result;
}

std::vector<Candidate> candidates(const std::vector<pid_t>& found, const ProcessNodes& all) {
  return described(without_descendants(found, all), all);
}

}  // namespace

Result<std::vector<Candidate>> find_by_name(const std::string& name) {
  auto host = read_host();
  if (!host) return tl::unexpected(host.error());
  std::vector<pid_t> found;
  std::string path;
  for (const auto& [pid, node] : host->all) {
    if (pid == getpid()) continue;
    path = fmt::format("{}/exe", pid);
    if (node.comm == name) {
      found.push_back(pid);
    } else if (auto exe = host->proc.link(path); exe && file_name(*exe) == name) {
      found.push_back(pid);
    }
  }
  if (!found.empty()) return candidates(found, host->all);

  std::vector<pid_t> everyone;
  for (const auto& [pid, node] : host->all)
    if (pid != getpid()) everyone.push_back(pid);
  for (const auto& [pid, line] : read_command_lines(everyone)) {
    std::string_view first = std::string_view(line).substr(0, line.find('\0'));
    if (!first.empty() && file_name(first) == name) found.push_back(pid);
  }
  return candidates(found, host->all);
}

namespace {

std::vector<pid_t> processes_of_unit(const Host& host, const std::string& full_name) {
  std::string buffer, path;
  std::vector<pid_t> found;
  for (const auto& [pid, node] : host.all) {
    if (pid == getpid()) continue;
    path = fmt::format("{}/cgroup", pid);
    auto text = host.proc.read(path.c_str(), buffer);
    if (!text) continue;
    auto entries = parse_pid_cgroup(path, *text);
    if (!entries) continue;
    bool inside = std::any_of(entries->begin(), entries->end(),
                              [&](const CgroupEntry& entry) { return path_has_unit(entry.path, full_name); });
    if (inside) found.push_back(pid);
  }
  return found;
}

// "redis.service" is a link to redis-server.service; cgroups have the name of the file. "" when it is no other name.
std::string unit_behind_alias(const std::string& full_name) {
  if (full_name.find('/') != std::string::npos) return {};
  for (const char* folder : {"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system",
                             "/usr/lib/systemd/system", "/lib/systemd/system"}) {
    char target[PATH_MAX];
    ssize_t length = readlink(fmt::format("{}/{}", folder, full_name).c_str(), target, sizeof target);
    if (length <= 0) continue;
    std::string_view name = file_name({target, static_cast<size_t>(length)});
    // "/dev/null": masked. The same name: a unit file kept elsewhere.
    if (name != full_name && full_unit_name(name) == name) return std::string(name);
  }
  return {};
}

}  // namespace

Result<std::vector<Candidate>> find_by_unit(const std::string& unit) {
  auto host = read_host();
  if (!host) return tl::unexpected(host.error());
  std::string full_name = full_unit_name(unit);
  std::vector<pid_t> found = processes_of_unit(*host, full_name);
  if (found.empty())
    if (std::string other = unit_behind_alias(full_name); !other.empty()) found = processes_of_unit(*host, other);
  std::vector<pid_t> roots = without_descendants(found, host->all);
  if (roots.size() > 1) roots = started_by_systemd(roots);
  return described(roots, host->all);
}

namespace {

// Network namespace of each process that lets us see it, by link text ("net:[4026531840]").
std::map<std::string, std::vector<pid_t>> by_network_namespace(const Host& host) {
  std::map<std::string, std::vector<pid_t>> groups;
  for (const auto& [pid, node] : host.all)
    if (auto link = host.proc.link(fmt::format("{}/ns/net", pid))) groups[*link].push_back(pid);
  return groups;
}

std::unordered_set<uint64_t> listeners_seen_by(const Host& host, const std::string& process, uint16_t port) {
  constexpr size_t kTableBytes = size_t{256} << 20;
  std::unordered_set<uint64_t> inodes;
  std::string buffer;
  for (const char* table : {"tcp", "tcp6"})
    if (auto text = host.proc.read(fmt::format("{}/net/{}", process, table).c_str(), buffer, kTableBytes))
      add_listening_inodes(*text, port, inodes);
  return inodes;
}

bool holds_one_of(pid_t pid, const std::unordered_set<uint64_t>& inodes) {
  auto directory = ProcRoot::open(fmt::format("/proc/{}/fd", pid));
  if (!directory) return false;
  bool holds = false;
  (void)directory->each("", [&](std::string_view fd) {
    char link[64];
    char name[16]{};
    fd.copy(name, sizeof name - 1);
    ssize_t length = readlinkat(directory->fd(), name, link, sizeof link);
    holds = length > 0 && inodes.contains(socket_inode({link, static_cast<size_t>(length)}));
    return !holds;
  });
  return holds;
}

}  // namespace

Result<std::vector<Candidate>> find_by_port(uint16_t port) {
  auto host = read_host();
  if (!host) return tl::unexpected(host.error());
  auto ours = host->proc.link("self/ns/net");
  std::unordered_set<uint64_t> inodes = listeners_seen_by(*host, "self", port);
  std::vector<pid_t> likely, others;
  for (const auto& [link, pids] : by_network_namespace(*host)) {
    bool listening = !inodes.empty();
    if (!ours || link != *ours) {
      auto theirs = listeners_seen_by(*host, std::to_string(pids.front()), port);
      listening = !theirs.empty();
      inodes.insert(theirs.begin(), theirs.end());
    }
    auto& group = listening ? likely : others;
    group.insert(group.end(), pids.begin(), pids.end());
  }
  if (inodes.empty()) return std::vector<Candidate>{};

  std::vector<pid_t> found;
  for (auto* group : {&likely, &others}) {
    for (pid_t pid : *group)
      if (pid != getpid() && holds_one_of(pid, inodes)) found.push_back(pid);
    if (!found.empty()) break;
  }
  // Socket activation: systemd keeps the socket that it handed to the service.
  auto is_systemd = [&](pid_t pid) { return host->all.at(pid).comm == "systemd"; };
  if (!std::all_of(found.begin(), found.end(), is_systemd)) std::erase_if(found, is_systemd);
  if (found.empty())
    return fail(ErrorCode::kDenied, fmt::format("port {}", port),
                "somebody listens, but whose socket it is cannot be read: needs root or CAP_SYS_PTRACE");
  return candidates(found, host->all);
}

}  // namespace ec
