// Debug endpoints of the target, and what they told.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ec {

// Go runtime figures of one endpoint. 0: it does not tell, for none of them is 0 in a program that has collected once.
struct GoRuntime {
  uint64_t goroutines = 0, heap_alloc_bytes = 0, heap_inuse_bytes = 0, heap_objects = 0, next_gc_bytes = 0,
           sys_bytes = 0, gc_count = 0, allocated_bytes = 0;  // allocated: since the program began
  double gc_cpu_fraction = 0, last_pause_ms = 0, pause_total_ms = 0;
};

struct GoroutineGroup {
  uint64_t count = 0;
  std::vector<std::string> functions;  // innermost first: "main.handle.func1", with "+0x…" removed
  std::string state;                   // "chan receive", "" when the form does not tell
};

struct PulledProfile {
  std::string name, artifact, status, reason;  // "heap", "profiles/127.0.0.1:6060/heap.pb.gz"
  uint64_t bytes = 0;
};

// A counter of a page of metrics that grew between its two readings.
struct MetricRate {
  std::string series;  // printable: "http_requests_total{code=\"500\"}"
  double per_second = 0, value = 0;
};

// Figures of the process that client libraries publish: process_… 0: it does not tell.
struct MetricsProcess {
  double cpu_cores = 0;  // between the two readings
  double resident_bytes = 0, virtual_bytes = 0, open_files = 0, open_files_limit = 0, threads = 0;
  double started_seconds = 0;  // Unix time
};

// A page of metrics, in the format of Prometheus.
struct EndpointMetrics {
  uint64_t series = 0;
  double interval_seconds = 0;       // between the two readings, 0 = there is one: no rates
  std::vector<MetricRate> fastest;   // counters of events, fastest first
  std::vector<MetricRate> troubles;  // counters of errors and the like that grew, fastest first
  MetricsProcess process;
};

// A path that tells whether a service is well. Statuses of HTTP, 0 = no answer.
struct EndpointHealth {
  std::string path;  // "/healthz"
  int status_before = 0, status_after = 0;
  double before_ms = 0, worst_ms = 0, after_ms = 0;  // worst: while profiles were pulled
  uint64_t asked = 0;
};

struct Endpoint {
  std::string url;     // credentials removed
  std::string kind;    // "go-pprof", "prometheus" …, "http" (answers, nothing known), "none"
  std::string server;  // Server header or first line, printable
  int http_status = 0;
  double probe_ms = 0;
  std::string error;                   // exact words, "" when it answered
  std::string note;                    // what a person should know of it, "" = nothing
  std::vector<EndpointHealth> health;  // the one that was watched first
  // "busy", "refused" …: what became of the CPU profile, see CpuOutcome in collectors/endpoint_record.h; "" = no kind
  // here has one
  std::string cpu_profile, cpu_reason;
  std::optional<EndpointMetrics> metrics;
  std::vector<PulledProfile> profiles;
  std::optional<GoRuntime> go;
  // The figures before the profiles were pulled, when `go` is from after that, and the time between the two.
  std::optional<GoRuntime> go_before;
  double go_seconds = 0;
  std::vector<GoroutineGroup> goroutine_groups;  // largest first
  std::map<std::string, std::string> variables;  // expvar, flat: name → short text, redacted
};

}  // namespace ec
