// What the rule files share: naming the target, shares in words, and evidence in the archive's own paths.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collector/analysis/finding.h"

namespace ec {

using Findings = std::vector<Finding>;

// "redis-server (pid 42)", printable and without sentence ends; "the host" when no process was asked for.
std::string target_name(const Snapshot& snapshot);
// The verdict without what could not be examined: what the worst finding says, and the titles of up to three others in
// few words. No full stop.
std::string headline(const Snapshot& snapshot, const std::vector<Finding>& findings);
// Any text of the target as part of a sentence: printable, one line, at most `limit` bytes, ". " taken out, so that the
// first sentence of a finding stays recognisable.
std::string in_sentence(std::string_view text, size_t limit = 120);

// "raw/proc/42/limits".
std::string raw_process(const Snapshot& snapshot, std::string_view file);

// part / whole; 0 when whole is 0.
double ratio(double part, double whole);
inline double ratio(uint64_t part, uint64_t whole) {
  return ratio(static_cast<double>(part), static_cast<double>(whole));
}
// Of all segments sent; OutSegs does not count what is sent again (RFC 1213, tcpOutSegs).
double retransmitted_share(const TcpRates& tcp);
// "1018 of 1024 (99 %)"; the percentage is rounded down, so that 100 % means all of it.
std::string share_of(uint64_t used, uint64_t limit);
// The same with human_bytes.
std::string share_of_bytes(uint64_t used, uint64_t limit);
// Where the kernel log is: it is read again when the target died.
std::string kernel_log_artifact(const Snapshot& snapshot);
// "1 thread", "3 threads".
std::string counted(uint64_t count, std::string_view singular, std::string_view plural = {});
// "a, b and c"; at most `limit` of them, then "and 7 more".
std::string enumerate(const std::vector<std::string>& items, size_t limit = 5);

// Severity by how full something is: shares from which on it is critical, high, medium. Nothing below `medium`.
struct FullnessScale {
  double critical = 0.98, high = 0.90, medium = 0.80;
};
std::optional<Severity> severity_of_fullness(double share, const FullnessScale& scale);

// Seconds between the two readings of the run; 0 when unknown.
double reading_interval(const Snapshot& snapshot);

// The line of /proc/PID/limits, as it stands there.
Evidence limit_evidence(const Snapshot& snapshot, const std::string& name);
// The soft limit; nothing when unknown or unlimited.
std::optional<uint64_t> soft_limit(const Snapshot& snapshot, const std::string& name);
// "some avg10=… avg60=… avg300=… total=…" of raw/proc/pressure/NAME, as it stands there.
Evidence pressure_evidence(std::string_view artifact, std::string_view kind, const PressureLine& line);
// avg10 of the "some" or "full" line; 0 when unknown.
double some_avg10(const Part<Pressure>& pressure);
double full_avg10(const Part<Pressure>& pressure);

// A control file of the target's cgroup: named as this kernel names it, the first of `names` (v2 before v1) that was
// read.
Evidence control_file_evidence(const Snapshot& snapshot, std::initializer_list<std::string_view> names,
                               std::string excerpt);

// CPUs the target may use: the smallest of CPU quota, allowed CPUs and online CPUs; 0 when nothing is known.
double usable_cores(const Snapshot& snapshot);

}  // namespace ec
