// raw/endpoint.json and raw/runtime.json: what was asked and what was answered.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"
#include "collector/profile/memstats.h"
#include "collector/snapshot/snapshot.h"

namespace ec {

struct EndpointArtifact {
  std::string name, path,
      url;                     // "heap", "profiles/127.0.0.1_6060/heap.pb.gz", "http://127.0.0.1:6060/debug/pprof/heap"
  std::string status, reason;  // as in manifest.json
  uint64_t bytes = 0;
  double took_ms = 0;
};

// What became of the CPU profile: whoever can sample the process from outside reads it here.
struct CpuOutcome {
  // ok | partial | failed | timeout; busy: another profiler ran the whole time; refused: the server may not write for
  // so long; skipped: no time, or the service degraded; not-asked: --profile-seconds 0, or it is dear and not in --pull
  std::string outcome;
  std::string reason;
  int seconds = 0;  // of the profile that was got
  bool told() const { return outcome == "ok" || outcome == "partial"; }
};

struct EndpointRecord {
  std::string url;                 // without credentials
  std::vector<std::string> kinds;  // recognised ones, in table order; else {"http"} or {"none"}
  std::string folder;              // "profiles/127.0.0.1_6060", "" when nothing was pulled
  std::string server, error, fix, note;
  int http_status = 0;
  double probe_ms = 0;
  double health_before_ms = 0, health_worst_ms = 0, health_after_ms = 0;  // of a cheap GET; 0 = not measured
  std::vector<EndpointHealth> health;     // that answered, the one that was watched first
  std::optional<CpuOutcome> cpu_profile;  // of kinds that have one
  double metrics_interval_seconds = 0;    // between the two readings of the metrics, 0 = there is one
  std::string stopped;                    // why pulling ended early, "" = it did not
  std::optional<GoRuntime> go;            // what the probes alone told
  std::vector<EndpointArtifact> artifacts;
};

struct EndpointRecords {
  std::vector<EndpointRecord> endpoints;
  std::string error;  // why none could be looked for, "" = they were
  std::string fix;
};

std::string to_json(const EndpointRecords& records);
// Errors: malformed. Unknown keys are ignored, missing ones are empty.
Result<EndpointRecords> parse_endpoint_records(std::string_view where, std::string_view text);

GoRuntime runtime_of(const Memstats& stats);  // goroutines stay 0

}  // namespace ec
