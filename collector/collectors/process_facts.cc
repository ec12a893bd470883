#include <sys/utsname.h>

#include "collector/base/open_below.h"
#include "collector/base/text.h"
#include "collector/collectors/process.h"
#include "collector/collectors/process_files.h"
#include "collector/collectors/process_wait.h"
#include "collector/proc/limits.h"
#include "collector/proc/passwd.h"
#include "collector/proc/pid_status.h"
#include "collector/proc/pid_timers.h"

namespace ec {

namespace {

constexpr ProcessFile kFacts[] = {
    {"limits", Redact::kNothing},
    {"oom_score", Redact::kNothing},
    {"oom_score_adj", Redact::kNothing},
    {"sched", Redact::kAuto, true},
    {"wchan", Redact::kNothing, true},
    {"syscall", Redact::kNothing, true},
    {"timers", Redact::kNothing, true},
    {"loginuid", Redact::kNothing, true},
    {"sessionid", Redact::kNothing, true},
    {"personality", Redact::kNothing, true},
    {"autogroup", Redact::kNothing, true},
    {"coredump_filter", Redact::kNothing, true},
    {"attr/current", Redact::kAuto, true},
    {"setgroups", Redact::kNothing, true},
    {"uid_map", Redact::kNothing, true},
    {"gid_map", Redact::kNothing, true},
    {"timens_offsets", Redact::kNothing, true},
    {"cpuset", Redact::kNothing, true},
};

// Only the lines of the target's own user and group: the rest of the file is nobody's business.
void gather_accounts(GatherContext& context) {
  constexpr size_t kLimit = 8u << 20;
  int pid = context.target->pid;
  auto text = read_file(fmt::format("/proc/{}/status", pid));
  auto status = text ? parse_pid_status("status", *text) : tl::unexpected(text.error());
  if (!status) return;
  std::string root = live_directory(*context.target) + "/root";
  std::string bundle = raw_path(context.reading, process_path(pid, "accounts.bundle"));
  auto store = [&](const char* file, const char* map_name, uint32_t id) {
    auto map = read_file(fmt::format("/proc/{}/{}", pid, map_name));
    auto inside = map ? id_inside(*map, id) : std::optional<uint32_t>(id);
    if (!inside) return;
    std::string shown = fmt::format("/proc/{}/root/{}", pid, file);
    if (context.out.hung_before(shown)) return;
    context.out.touch(shown, true);
    auto accounts = read_below(root, fmt::format("/{}", file), kLimit);
    // Not ours to look into; outside of containers its files are ours.
    if (!accounts && accounts.error().code == ErrorCode::kDenied && status->ns_pid.size() <= 1)
      accounts = read_below("", fmt::format("/{}", file), kLimit);
    if (accounts)
      context.out.section(bundle, file, account_line(*accounts, *inside));
    else
      context.out.failed_section(bundle, file, accounts.error());
  };
  store("etc/passwd", "uid_map", status->uid[1]);
  store("etc/group", "gid_map", status->gid[1]);
}

}  // namespace

void gather_process_facts(GatherContext& context) {
  if (!context.target) return;
  for (const ProcessFile& file : kFacts) store_process_file(context, file);
  store_process_file(context, {"auxv", Redact::kNothing, true}, true);
  store_process_file(context, {"mountinfo", Redact::kAuto, true}, true);
  utsname system{};
  if (uname(&system) == 0)
    context.out.artifact(raw_path(context.reading, process_path(context.target->pid, "machine")), "uname(2)",
                         system.machine, Redact::kNothing);
  gather_accounts(context);
}

namespace {

template <class T>
Part<T> read_number(const RawStore& store, int pid, std::string_view name) {
  std::string path = "raw/" + process_path(pid, name);
  auto text = store.read(path);
  if (!text) return text.error();
  auto number = parse_number<T>(trim(*text));
  if (!number) return Error{ErrorCode::kMalformed, path + ":1", "expected a number", 0};
  return *number;
}

Part<Credential> read_credential(const RawStore& store, int pid) {
  std::string path = "raw/" + process_path(pid, "status");
  auto text = store.read(path);
  if (!text) return text.error();
  auto status = parse_pid_status(path, *text);
  if (!status) return status.error();
  Credential credential;
  auto inside = [&](std::string_view map_name, uint32_t id) {
    auto map = store.read("raw/" + process_path(pid, map_name));
    return map ? id_inside(*map, id) : std::optional<uint32_t>(id);
  };
  auto uid = inside("uid_map", status->uid[1]), gid = inside("gid_map", status->gid[1]);
  for (const Section& section : store.bundle("raw/" + process_path(pid, "accounts.bundle"))) {
    if (section.failed) continue;
    if (section.name == "etc/passwd" && uid) credential.user = account_name(section.bytes, *uid);
    if (section.name == "etc/group" && gid) credential.group = account_name(section.bytes, *gid);
  }
  auto login = read_number<uint32_t>(store, pid, "loginuid");
  if (login && *login != UINT32_MAX) credential.login_uid = *login;
  return credential;
}

Part<std::map<std::string, ResourceLimit>> read_limits(const RawStore& store, int pid) {
  std::string path = "raw/" + process_path(pid, "limits");
  auto text = store.read(path);
  if (!text) return text.error();
  auto parsed = parse_limits(path, *text);
  if (!parsed) return parsed.error();
  std::map<std::string, ResourceLimit> limits;
  for (const auto& [name, entry] : *parsed) limits[name] = {entry.soft, entry.hard};
  return limits;
}

Part<std::vector<std::string>> read_timers(const RawStore& store, int pid) {
  std::string path = "raw/" + process_path(pid, "timers");
  auto text = store.read(path);
  if (!text) return text.error();
  auto parsed = parse_pid_timers(path, *text);
  if (!parsed) return parsed.error();
  std::vector<std::string> words;
  for (const PidTimer& timer : *parsed) words.push_back(timer_words(timer));
  return words;
}

}  // namespace

void parse_process_facts(const RawStore& store, Snapshot& snapshot) {
  int pid = snapshot.target.pid;
  if (pid <= 0) return;
  Process& process = snapshot.process;
  process.credential = read_credential(store, pid);
  process.limits = read_limits(store, pid);
  process.oom_score = read_number<int>(store, pid, "oom_score");
  process.oom_score_adj = read_number<int>(store, pid, "oom_score_adj");
  process.timers = read_timers(store, pid);
  process.wait_summary = wait_summary(store, pid);
}

}  // namespace ec
