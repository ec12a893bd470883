#include "collector/analysis/words.h"

#include <fmt/format.h>

#include <algorithm>

#include "collector/base/text.h"

namespace ec {

std::string in_sentence(std::string_view text, size_t limit) {
  std::string line = printable_line(text, limit);
  for (size_t at = 0; at + 1 < line.size(); ++at)
    if ((line[at] == '.' || line[at] == '!' || line[at] == '?') && line[at + 1] == ' ') line[at] = ',';
  return line;
}

std::string target_name(const Snapshot& snapshot) {
  if (snapshot.target.pid == 0) return "the host";
  std::string_view name = snapshot.target.comm;
  if (name.empty() && snapshot.process.status) name = snapshot.process.status->comm;
  return name.empty() ? fmt::format("pid {}", snapshot.target.pid)
                      : fmt::format("{} (pid {})", in_sentence(name, 60), snapshot.target.pid);
}

std::string raw_process(const Snapshot& snapshot, std::string_view file) {
  return fmt::format("raw/proc/{}/{}", snapshot.target.pid, file);
}

double ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

double retransmitted_share(const TcpRates& tcp) {
  return ratio(tcp.retransmitted, tcp.out_segments + tcp.retransmitted);
}

std::string share_of(uint64_t used, uint64_t limit) {
  return fmt::format("{} of {} ({} %)", used, limit, static_cast<uint64_t>(100 * ratio(used, limit)));
}

std::string share_of_bytes(uint64_t used, uint64_t limit) {
  return fmt::format("{} of {} ({} %)", human_bytes(static_cast<double>(used)), human_bytes(static_cast<double>(limit)),
                     static_cast<uint64_t>(100 * ratio(used, limit)));
}

std::string kernel_log_artifact(const Snapshot& snapshot) {
  for (const ArtifactRow& row : snapshot.artifacts)
    if (row.path == "raw/last/kmsg.txt") return row.path;
  return "raw/kmsg.txt";
}

std::string counted(uint64_t count, std::string_view singular, std::string_view plural) {
  if (count == 1) return fmt::format("1 {}", singular);
  return plural.empty() ? fmt::format("{} {}s", count, singular) : fmt::format("{} {}", count, plural);
}

std::string enumerate(const std::vector<std::string>& items, size_t limit) {
  std::string text;
  size_t shown = std::min(items.size(), limit);
  for (size_t i = 0; i < shown; ++i) {
    if (i > 0) text += i + 1 == items.size() ? " and " : ", ";
    text += items[i];
  }
  if (items.size() > shown) text += fmt::format(" and {} more", items.size() - shown);
  return text;
}

std::optional<Severity> severity_of_fullness(double share, const FullnessScale& scale) {
  if (share >= scale.critical) return Severity::kCritical;
  if (share >= scale.high) return Severity::kHigh;
  if (share >= scale.medium) return Severity::kMedium;
  return std::nullopt;
}

double reading_interval(const Snapshot& snapshot) {
  return snapshot.process.rates ? snapshot.process.rates->interval_seconds : 0;
}

std::optional<uint64_t> soft_limit(const Snapshot& snapshot, const std::string& name) {
  if (!snapshot.process.limits) return std::nullopt;
  auto found = snapshot.process.limits->find(name);
  return found == snapshot.process.limits->end() ? std::nullopt : found->second.soft;
}

Evidence limit_evidence(const Snapshot& snapshot, const std::string& name) {
  Evidence evidence{raw_process(snapshot, "limits"), fmt::format("line \"{}\"", name), ""};
  if (snapshot.process.limits) {
    auto found = snapshot.process.limits->find(name);
    if (found != snapshot.process.limits->end()) {
      auto word = [](const std::optional<uint64_t>& limit) { return limit ? std::to_string(*limit) : "unlimited"; };
      evidence.excerpt = fmt::format("{:<25} {:<20} {}", name, word(found->second.soft), word(found->second.hard));
    }
  }
  return evidence;
}

Evidence pressure_evidence(std::string_view artifact, std::string_view kind, const PressureLine& line) {
  return {std::string(artifact), std::string(kind),
          fmt::format("{} avg10={:.2f} avg60={:.2f} avg300={:.2f} total={}", kind, line.avg10, line.avg60, line.avg300,
                      line.total_us)};
}

Evidence control_file_evidence(const Snapshot& snapshot, std::initializer_list<std::string_view> names,
                               std::string excerpt) {
  std::string_view name = *names.begin();
  if (snapshot.process.cgroup)
    for (auto candidate : names)
      if (snapshot.process.cgroup->files.contains(std::string(candidate))) {
        name = candidate;
        break;
      }
  return {raw_process(snapshot, "cgroup.bundle"), fmt::format("section …/{}", name), std::move(excerpt)};
}

double some_avg10(const Part<Pressure>& pressure) { return pressure && pressure->some ? pressure->some->avg10 : 0; }
double full_avg10(const Part<Pressure>& pressure) { return pressure && pressure->full ? pressure->full->avg10 : 0; }

namespace {

// "0-3,8" → 5; 0 when it is not such a list.
uint64_t cpus_in_list(std::string_view list) {
  uint64_t count = 0;
  if (list.empty()) return 0;
  for (auto part : split(list, ',')) {
    auto dash = part.find('-');
    auto first = parse_number<uint32_t>(part.substr(0, dash));
    auto last = dash == std::string_view::npos ? first : parse_number<uint32_t>(part.substr(dash + 1));
    if (!first || !last || *last < *first) return 0;
    count += uint64_t{*last} - *first + 1;
  }
  return count;
}

}  // namespace

double usable_cores(const Snapshot& snapshot) {
  double cores = 0;
  auto consider = [&](double candidate) {
    if (candidate > 0 && (cores == 0 || candidate < cores)) cores = candidate;
  };
  if (snapshot.host.load) consider(snapshot.host.load->cpus_online);
  if (snapshot.process.status) consider(static_cast<double>(cpus_in_list(snapshot.process.status->cpus_allowed)));
  if (snapshot.process.cgroup && snapshot.process.cgroup->cpu_limit_cores)
    consider(*snapshot.process.cgroup->cpu_limit_cores);
  return cores;
}

}  // namespace ec
