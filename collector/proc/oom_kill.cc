#include "collector/proc/oom_kill.h"

#include <optional>

#include "collector/base/text.h"

namespace ec {

namespace {

// A summary and its kill stand close together; between them are at most the lines of a memory cgroup's statistics.
constexpr double kSameKillSeconds = 30;

// "1234 (java) total-vm:…", "1234 (java), UID 48, total-vm:…", "1234 (java) score 900 or sacrifice child". A name may
// hold any byte, so its end is where one of the known continuations begins.
bool read_process(std::string_view text, OomVictim& victim) {
  FieldCursor fields(text);
  auto pid = fields.number<int>();
  std::string_view rest = trim(fields.rest());
  if (!pid || *pid <= 0 || !rest.starts_with('(')) return false;
  size_t end = std::string_view::npos;
  for (std::string_view next : {") total-vm:", "), UID", ") score ", "), total-vm:"}) {
    end = rest.find(next);
    if (end != std::string_view::npos) break;
  }
  if (end == std::string_view::npos) end = rest.rfind(')');
  if (end == std::string_view::npos) return false;
  victim.pid = *pid;
  victim.comm = printable_line(rest.substr(1, end - 1), 64);
  size_t anon = rest.find("anon-rss:", end);
  if (anon != std::string_view::npos) {
    std::string_view number = rest.substr(anon + 9);
    auto kib = parse_number<uint64_t>(number.substr(0, number.find("kB")));
    if (kib && *kib < (uint64_t{1} << 50)) victim.anon_rss_bytes = *kib * 1024;
  }
  return true;
}

// Value of `key` in "oom-kill:constraint=…,oom_memcg=/a,task_memcg=/a,task=java,pid=1,uid=0". Paths and names may hold
// commas: a value ends where the next key begins.
std::string_view between(std::string_view text, std::string_view key, std::string_view next_key) {
  size_t begin = text.find(key);
  if (begin == std::string_view::npos) return {};
  begin += key.size();
  size_t end = next_key.empty() ? std::string_view::npos : text.find(next_key, begin);
  return text.substr(begin, end == std::string_view::npos ? end : end - begin);
}

std::optional<OomVictim> read_summary(std::string_view text) {
  constexpr std::string_view kSummary = "oom-kill:constraint=";
  size_t at = text.find(kSummary);
  if (at == std::string_view::npos || at > 40) return std::nullopt;
  text = text.substr(at + kSummary.size());
  OomVictim victim;
  victim.memory_cgroup = text.starts_with("CONSTRAINT_MEMCG");
  victim.limit_cgroup = between(text, ",oom_memcg=", ",task_memcg=");
  victim.task_cgroup = between(text, ",task_memcg=", ",task=");
  size_t uid = text.rfind(",uid=");
  size_t pid = text.rfind(",pid=", uid);
  size_t task = text.find(",task=");
  if (pid == std::string_view::npos) return std::nullopt;
  auto number = parse_number<int>(trim(text.substr(pid + 5, uid == std::string_view::npos ? uid : uid - pid - 5)));
  if (!number || *number <= 0) return std::nullopt;
  victim.pid = *number;
  if (task != std::string_view::npos && task + 6 <= pid) victim.comm = text.substr(task + 6, pid - task - 6);
  return victim;
}

// Before Linux 4.19: "Task in /a/b killed as a result of limit of /a".
std::optional<OomVictim> read_task_line(std::string_view text) {
  if (!text.starts_with("Task in ")) return std::nullopt;
  constexpr std::string_view kMiddle = " killed as a result of limit of ";
  size_t middle = text.rfind(kMiddle);
  if (middle == std::string_view::npos || middle < 8) return std::nullopt;
  OomVictim victim;
  victim.memory_cgroup = true;
  victim.task_cgroup = text.substr(8, middle - 8);
  victim.limit_cgroup = trim(text.substr(middle + kMiddle.size()));
  return victim;
}

}  // namespace

std::vector<OomVictim> find_oom_kills(const std::vector<KmsgRecord>& log) {
  std::vector<OomVictim> kills;
  std::optional<OomVictim> pending;  // what was announced and not yet reported as killed
  auto announce = [&](OomVictim victim, const KmsgRecord& record) {
    victim.seconds = record.seconds;
    victim.has_time = record.has_time;
    pending = std::move(victim);
  };
  for (const KmsgRecord& record : log) {
    if (record.facility != 0) continue;  // what a process wrote to /dev/kmsg is not the kernel's word
    std::string_view text = record.text;
    if (auto summary = read_summary(text)) {
      announce(std::move(*summary), record);
      continue;
    }
    if (auto task = read_task_line(text)) {
      announce(std::move(*task), record);
      continue;
    }
    bool of_cgroup = text.find("emory cgroup out of memory") < 8;
    size_t kill = text.find("Kill process ");
    if (kill != std::string_view::npos && text.find("ut of memory") < kill) {  // before Linux 5.0
      OomVictim victim = pending.value_or(OomVictim{});
      if (read_process(text.substr(kill + 13), victim)) {
        victim.memory_cgroup |= of_cgroup;
        victim.line = record.text;
        announce(std::move(victim), record);
      }
      continue;
    }
    size_t killed = text.find("Killed process ");
    if (killed == std::string_view::npos || killed > 80) continue;
    OomVictim victim;
    if (!read_process(text.substr(killed + 15), victim)) continue;
    // Before Linux 5.0 the announced process and the killed one may differ ("or sacrifice child"): the cgroup is the
    // same.
    if (pending && record.seconds - pending->seconds <= kSameKillSeconds &&
        (pending->pid == victim.pid || pending->pid == 0 || killed == 0)) {
      victim.task_cgroup = pending->task_cgroup;
      victim.limit_cgroup = pending->limit_cgroup;
      victim.memory_cgroup = pending->memory_cgroup;
      if (killed == 0 && !pending->line.empty() && pending->pid == victim.pid) victim.line = pending->line + " · ";
    }
    pending.reset();
    victim.memory_cgroup |= of_cgroup;
    victim.seconds = record.seconds;
    victim.has_time = record.has_time;
    victim.line += record.text;
    kills.push_back(std::move(victim));
  }
  return kills;
}

}  // namespace ec
