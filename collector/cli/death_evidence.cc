#include "collector/cli/death_evidence.h"

#include "collector/base/text.h"
#include "collector/collectors/collector.h"
#include "collector/proc/cgroup_files.h"

namespace ec {

namespace {

// The usual mount points: the collector "cgroup" looked up the real ones while the target lived; its bundle is the
// first source, this is the last look.
std::vector<std::string> counter_files(const Cgroup& cgroup) {
  std::vector<std::string> files;
  if (auto path = cgroup.paths.find("memory"); path != cgroup.paths.end())
    files.push_back("/sys/fs/cgroup/memory" + path->second + "/memory.oom_control");
  if (auto path = cgroup.paths.find(""); path != cgroup.paths.end())
    files.push_back("/sys/fs/cgroup" + path->second + "/memory.events");
  return files;
}

}  // namespace

std::vector<DeathEvidence> evidence_of_death(const Snapshot& snapshot) {
  std::vector<DeathEvidence> evidence;
  if (snapshot.host.oom_kills) {
    for (const OomKill& kill : *snapshot.host.oom_kills) {
      bool in_this_run = kill.age_seconds * 1000 <= snapshot.target.death->at_ms + 60'000;
      if (kill.pid == snapshot.target.pid && in_this_run)
        evidence.push_back(
            {"", "", "",
             fmt::format("the kernel's OOM killer took it while it held {} of anonymous memory (kernel log)",
                         human_bytes(static_cast<double>(kill.anon_rss_bytes)))});
    }
  }
  if (!snapshot.process.cgroup) return evidence;
  const Cgroup& cgroup = *snapshot.process.cgroup;
  for (const std::string& file : counter_files(cgroup)) {
    auto text = read_file(file);
    if (!text) continue;
    DeathEvidence found{"raw/post-mortem" + file, file, *text, ""};
    auto counters = parse_flat_keyed(file, *text);
    if (counters && counters->contains("oom_kill") && cgroup.oom_kills && counters->at("oom_kill") > *cgroup.oom_kills)
      found.sentence =
          fmt::format("{}: oom_kill rose from {} to {}", file, *cgroup.oom_kills, counters->at("oom_kill"));
    evidence.push_back(std::move(found));
  }
  return evidence;
}

}  // namespace ec
