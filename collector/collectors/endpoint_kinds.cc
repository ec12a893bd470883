#include "collector/collectors/endpoint_kinds.h"

#include <algorithm>

#include "collector/collectors/endpoint_recognise.h"
#include "collector/collectors/endpoint_singles.h"

namespace ec {

namespace {

using enum BodyType;

constexpr auto kT2 = Tier::kT2, kT4 = Tier::kT4;
constexpr size_t kIndexBytes = size_t{1} << 20;
constexpr size_t kVarsBytes = size_t{8} << 20;
constexpr size_t kMetricsBytes = size_t{16} << 20;
constexpr size_t kTextBytes = size_t{1} << 20;
constexpr size_t kDumpBytes = size_t{16} << 20;
constexpr milliseconds kShort{3000}, kLong{15'000};
constexpr std::string_view kMetricsType = "text/plain;version=0.0.4";
// gperftools stops threads with SIGPROF and walks their stacks in the handler, which has ended programs
// (gperftools#43, #895): brpc has the same profiler.
constexpr std::string_view kNativeCpu = "native-cpu";

// net/http/pprof: https://pkg.go.dev/net/http/pprof
EndpointKind go_pprof() {
  auto delta = [](std::string_view name, std::string_view path, std::string_view file) {
    return EndpointRequest{.name = name,
                           .path = path,
                           .file = file,
                           .type = kPprof,
                           .cost = kT2,
                           .when = When::kPulled,
                           .pull = "deltas",
                           .most_seconds = 30};
  };
  return {.name = "go-pprof",
          .probe = "/debug/pprof/",
          .probe_file = "index.html",
          .probe_type = kHtml,
          .probe_bytes = kIndexBytes,
          .recognise = is_pprof_index,
          .worth_asking = nullptr,
          .list = parse_pprof_index,
          .pulls_others = true,
          .requests = {{"goroutine", "goroutine", "goroutine.pb.gz", kPprof, kT2, When::kListed},
                       {"heap", "heap", "heap.pb.gz", kPprof, kT2, When::kListed},
                       {"allocs", "allocs", "allocs.pb.gz", kPprof, kT2, When::kListed},
                       {"mutex", "mutex", "mutex.pb.gz", kPprof, kT2, When::kListed},
                       {"block", "block", "block.pb.gz", kPprof, kT2, When::kListed},
                       {"threadcreate", "threadcreate", "threadcreate.pb.gz", kPprof, kT2, When::kListed},
                       {"cmdline", "cmdline", "cmdline", kCommandLine, kT2, When::kAlways, kShort, kTextBytes},
                       {"memstats", "heap?debug=1", "heap.txt", kHeapText, kT2, When::kNoRuntimeFigures},
                       {.name = "profile",
                        .path = "profile?seconds={}",
                        .file = "profile.pb.gz",
                        .type = kPprof,
                        .cost = kT2,
                        .when = When::kTimed,
                        .cpu = true},
                       delta("heap-delta", "heap?seconds={}", "heap-delta.pb.gz"),
                       delta("allocs-delta", "allocs?seconds={}", "allocs-delta.pb.gz"),
                       delta("goroutine-delta", "goroutine?seconds={}", "goroutine-delta.pb.gz"),
                       delta("mutex-delta", "mutex?seconds={}", "mutex-delta.pb.gz"),
                       delta("block-delta", "block?seconds={}", "block-delta.pb.gz"),
                       delta("threadcreate-delta", "threadcreate?seconds={}", "threadcreate-delta.pb.gz"),
                       {.name = "trace",
                        .path = "trace?seconds={}",
                        .file = "trace.out",
                        .type = kTrace,
                        .cost = kT4,
                        .when = When::kPulled,
                        .pull = "trace",
                        .most_seconds = 5},
                       {"heap-after", "heap", "heap-after.pb.gz", kPprof, kT2, When::kAgain},
                       {"mutex-after", "mutex", "mutex-after.pb.gz", kPprof, kT2, When::kAgain},
                       {"block-after", "block", "block-after.pb.gz", kPprof, kT2, When::kAgain},
                       // Of newer versions of Go; it collects garbage to find them.
                       {.name = "goroutineleak",
                        .path = "goroutineleak",
                        .file = "goroutineleak.pb.gz",
                        .type = kPprof,
                        .cost = kT4,
                        .when = When::kPulled,
                        .pull = "goroutineleak"},
                       {"goroutine-text", "goroutine?debug=1", "goroutine.txt", kGoroutineText, kT2, When::kListed},
                       {.name = "goroutine-full",
                        .path = "goroutine?debug=2",
                        .file = "goroutine-full.txt",
                        .type = kText,
                        .cost = kT2,
                        .when = When::kFewGoroutines,
                        .pull = "goroutine-full"}},
          .never = {{"trace", "an execution trace slows every goroutine: --pull trace"},
                    {"symbol", "addresses are named offline"},
                    {"goroutineleak", "it runs a garbage collection: --pull goroutineleak"},
                    {"profile", "asked with --profile-seconds"},
                    {"cmdline", "asked once"}},
          .light = true};
}

// https://pkg.go.dev/expvar
EndpointKind expvar() {
  return {.name = "expvar",
          .probe = "/debug/vars",
          .probe_file = "vars.json",
          .probe_type = kJson,
          .probe_bytes = kVarsBytes,
          .recognise = is_expvar,
          .worth_asking = worth_expvar,
          .requests = {{"vars-after", "", "vars-after.json", kJson, kT2, When::kAgain, kShort, kVarsBytes}},
          .light = true};
}

// https://gperftools.github.io/gperftools/pprof_remote_servers.html
EndpointKind gperftools() {
  return {.name = "gperftools",
          .probe = "/pprof/cmdline",
          .base = "/pprof/",
          .probe_file = "cmdline.txt",
          .probe_type = kText,
          .probe_bytes = kTextBytes,
          .recognise = is_gperftools_command_line,
          .worth_asking = worth_gperftools,
          .requests = {{.name = "heap",
                        .path = "heap",
                        .file = "heap.prof",
                        .type = kLegacyProfile,
                        .cost = kT2,
                        .may_be_absent = true},
                       {.name = "growth",
                        .path = "growth",
                        .file = "growth.prof",
                        .type = kLegacyProfile,
                        .cost = kT2,
                        .may_be_absent = true},
                       {.name = "contention",
                        .path = "contention",
                        .file = "contention.prof",
                        .type = kLegacyProfile,
                        .cost = kT2,
                        .may_be_absent = true},
                       {.name = "profile",
                        .path = "profile?seconds={}",
                        .file = "profile.prof",
                        .type = kLegacyProfile,
                        .cost = kT4,
                        .when = When::kPulled,
                        .pull = kNativeCpu,
                        .cpu = true}},
          .never = {{"symbol", "addresses are named offline"}, {"pmuprofile", "it needs an event to be chosen"}}};
}

// apache/brpc, docs/en/builtin_service.md, src/brpc/builtin/pprof_service.cpp
EndpointKind brpc() {
  auto page = [](std::string_view name, std::string_view path, std::string_view file) {
    return EndpointRequest{.name = name,
                           .path = path,
                           .file = file,
                           .type = kText,
                           .cost = kT2,
                           .total = kShort,
                           .body_bytes = kDumpBytes,
                           .may_be_absent = true};
  };
  return {.name = "brpc",
          .probe = "/health",
          .base = "/",
          .probe_file = "health.txt",
          .probe_type = kText,
          .probe_bytes = kTextBytes,
          .recognise = is_brpc_health,
          .worth_asking = worth_brpc,
          .requests = {page("version", "version", "version.txt"),
                       page("status", "status?console=1", "status.txt"),
                       page("vars", "vars?console=1", "vars.txt"),
                       page("connections", "connections?console=1", "connections.txt"),
                       {"metrics",
                        "brpc_metrics",
                        "metrics.txt",
                        kMetrics,
                        kT2,
                        When::kAlways,
                        kShort,
                        kMetricsBytes,
                        {},
                        kMetricsType,
                        0,
                        false,
                        true},
                       {.name = "heap",
                        .path = "pprof/heap",
                        .file = "heap.prof",
                        .type = kLegacyProfile,
                        .cost = kT2,
                        .may_be_absent = true},
                       {.name = "growth",
                        .path = "pprof/growth",
                        .file = "growth.prof",
                        .type = kLegacyProfile,
                        .cost = kT2,
                        .may_be_absent = true},
                       // Without seconds it is refused.
                       {.name = "contention",
                        .path = "pprof/contention?seconds={}",
                        .file = "contention.prof",
                        .type = kLegacyProfile,
                        .cost = kT2,
                        .when = When::kTimed,
                        .most_seconds = 10},
                       {.name = "profile",
                        .path = "pprof/profile?seconds={}",
                        .file = "profile.prof",
                        .type = kLegacyProfile,
                        .cost = kT4,
                        .when = When::kPulled,
                        .pull = kNativeCpu,
                        .cpu = true},
                       {"metrics-again",
                        "brpc_metrics",
                        "metrics-again.txt",
                        kMetrics,
                        kT2,
                        When::kAtEnd,
                        kShort,
                        kMetricsBytes,
                        {},
                        kMetricsType,
                        0,
                        false,
                        true}},
          .never = {{"pprof/symbol", "its first call runs nm on every library"},
                    {"flags", "a query in it changes settings"},
                    {"rpcz/enable", "it changes the service"},
                    {"threads", "it runs pstack on itself"},
                    {"dir", "it reads any file"}},
          .health = "/health"};
}

// docs/root/operations/admin.rst. Whatever changes something is a POST there, and we send none.
EndpointKind envoy() {
  auto json = [](std::string_view name, std::string_view path, std::string_view file) {
    return EndpointRequest{.name = name,
                           .path = path,
                           .file = file,
                           .type = kJson,
                           .cost = kT2,
                           .total = kLong,
                           .body_bytes = kDumpBytes,
                           .may_be_absent = true};
  };
  return {.name = "envoy",
          .probe = "/ready",
          .base = "/",
          .probe_file = "ready.txt",
          .probe_type = kText,
          .probe_bytes = kTextBytes,
          .recognise = is_envoy_ready,
          .worth_asking = worth_envoy,
          .requests = {json("server_info", "server_info", "server_info.json"),
                       json("memory", "memory", "memory.json"),
                       {.name = "metrics",
                        .path = "stats/prometheus?usedonly",
                        .file = "metrics.txt",
                        .type = kMetrics,
                        .cost = kT2,
                        .body_bytes = kMetricsBytes},
                       json("clusters", "clusters?format=json", "clusters.json"),
                       json("listeners", "listeners?format=json", "listeners.json"),
                       json("init_dump", "init_dump", "init_dump.json"),
                       json("config_dump", "config_dump", "config_dump.json"),
                       {.name = "metrics-again",
                        .path = "stats/prometheus?usedonly",
                        .file = "metrics-again.txt",
                        .type = kMetrics,
                        .cost = kT2,
                        .when = When::kAtEnd,
                        .body_bytes = kMetricsBytes}},
          .never = {{"quitquitquit", "it ends the proxy"},
                    {"drain_listeners", "it changes the proxy"},
                    {"healthcheck/fail", "it changes the proxy"},
                    {"cpuprofiler", "it writes to the disk of the proxy"},
                    {"hystrix_event_stream", "it never ends"}},
          .health = "/ready"};
}

// docs.spring.io/spring-boot/api/rest/actuator
EndpointKind actuator() {
  auto json = [](std::string_view name, std::string_view file) {
    return EndpointRequest{.name = name,
                           .path = name,
                           .file = file,
                           .type = kJson,
                           .cost = kT2,
                           .when = When::kListed,
                           .total = kLong,
                           .body_bytes = kDumpBytes};
  };
  return {.name = "actuator",
          .probe = "/actuator",
          .base = "/actuator/",
          .probe_file = "actuator.json",
          .probe_type = kJson,
          .probe_bytes = kIndexBytes,
          .recognise = is_actuator,
          .worth_asking = worth_actuator,
          .list = parse_actuator_links,
          .requests = {json("health", "health.json"),
                       json("info", "info.json"),
                       {.name = "threaddump",
                        .path = "threaddump",
                        .file = "threaddump.txt",
                        .type = kText,
                        .cost = kT2,
                        .when = When::kListed,
                        .accept = "text/plain"},
                       {.name = "metrics",
                        .path = "prometheus",
                        .file = "metrics.txt",
                        .type = kMetrics,
                        .cost = kT2,
                        .when = When::kListed,
                        .body_bytes = kMetricsBytes,
                        .accept = kMetricsType},
                       {.name = "metric-names",
                        .path = "metrics",
                        .file = "metric-names.json",
                        .type = kJson,
                        .cost = kT2,
                        .when = When::kListed,
                        .singles = metrics_worth_asking,
                        .singles_file = "metric-values.json"},
                       json("scheduledtasks", "scheduledtasks.json"),
                       json("caches", "caches.json"),
                       {.name = "metrics-again",
                        .path = "prometheus",
                        .file = "metrics-again.txt",
                        .type = kMetrics,
                        .cost = kT2,
                        .when = When::kAtEnd,
                        .body_bytes = kMetricsBytes,
                        .accept = kMetricsType}},
          .never = {{"heapdump", "it writes the whole heap, secrets and all, and stops the program for it"},
                    {"shutdown", "it ends the program"},
                    {"env", "it is full of secrets"},
                    {"configprops", "it is full of secrets"},
                    {"logfile", "logs are read from the disk"}},
          .health = "/actuator/health"};
}

// https://prometheus.io/docs/instrumenting/exposition_formats/
EndpointKind prometheus() {
  return {.name = "prometheus",
          .probe = "/metrics",
          .probe_file = "metrics.txt",
          .probe_type = kMetrics,
          .probe_bytes = kMetricsBytes,
          .recognise = is_metrics,
          .worth_asking = worth_metrics,
          .requests = {{.name = "metrics-again",
                        .path = "",
                        .file = "metrics-again.txt",
                        .type = kMetrics,
                        .cost = kT2,
                        .when = When::kAtEnd,
                        .body_bytes = kMetricsBytes,
                        .accept = kMetricsType}},
          .accept = kMetricsType};
}

// src/inspector_io.cc of Node: /json/version is the same for everybody; /json/list gives the address that takes orders.
EndpointKind node_inspector() {
  return {
      .name = "node-inspector",
      .probe = "/json/version",
      .probe_file = "inspector.json",
      .probe_type = kJson,
      .probe_bytes = kTextBytes,
      .recognise = is_node_inspector,
      .worth_asking = worth_node_inspector,
      .never = {{"json/list", "it gives the address that runs code in the program"}},
      .note = "the inspector of Node is open: whoever reaches this port can run code in the program; seen, not used"};
}

// pprof-rs and its like have no index, and whatever they answer is a profile: asked only when somebody names it.
EndpointKind rust_pprof() {
  return {.name = "rust-pprof",
          .probe = "/debug/pprof/profile",
          .base = "/debug/pprof/",
          .probe_file = "",
          .probe_type = kAnyPprof,
          .probe_bytes = kProfileBytes,
          .recognise = [](const HttpAnswer&) { return false; },
          .worth_asking = [](const HttpAnswer&) { return false; },
          .requests = {{.name = "profile",
                        .path = "profile?seconds={}",
                        .file = "profile.pb",
                        .type = kAnyPprof,
                        .cost = kT2,
                        .when = When::kTimed,
                        .accept = "application/protobuf",
                        .cpu = true}},
          .by_url_only = true};
}

// github.com/google/gops, agent/agent.go: one byte asks, the answer ends with the connection.
EndpointKind gops() {
  return {.name = "gops",
          .probe = "",
          .base = "/",
          .probe_file = "",
          .probe_type = kText,
          .probe_bytes = kTextBytes,
          .recognise = [](const HttpAnswer&) { return false; },
          .worth_asking = [](const HttpAnswer&) { return false; },
          .requests = {{"version", "\x04", "gops-version.txt", kText, kT2, When::kAlways, kShort, kTextBytes},
                       {"stats", "\x07", "gops-stats.txt", kText, kT2, When::kAlways, kShort, kTextBytes},
                       {"memstats", "\x03", "gops-memstats.txt", kText, kT2, When::kAlways, kShort, kTextBytes},
                       {.name = "stack",
                        .path = "\x01",
                        .file = "gops-stack.txt",
                        .type = kText,
                        .cost = kT2,
                        .when = When::kFewGoroutines,
                        .body_bytes = kDumpBytes,
                        .pull = "goroutine-full"}},
          .never = {{"gc", "0x02 collects garbage"}, {"set-gc", "0x10 changes the program"}},
          .transport = Transport::kGops};
}

}  // namespace

const std::vector<EndpointKind>& endpoint_kinds() {
  static const std::vector<EndpointKind> kKinds{go_pprof(),   expvar(),     brpc(),           envoy(),      actuator(),
                                                prometheus(), gperftools(), node_inspector(), rust_pprof(), gops()};
  return kKinds;
}

const EndpointKind* endpoint_kind(std::string_view name) {
  for (const EndpointKind& kind : endpoint_kinds())
    if (kind.name == name) return &kind;
  return nullptr;
}

std::vector<std::string> pull_words() {
  std::vector<std::string> words;
  for (const EndpointKind& kind : endpoint_kinds())
    for (const EndpointRequest& request : kind.requests)
      if (!request.pull.empty() && std::find(words.begin(), words.end(), request.pull) == words.end())
        words.emplace_back(request.pull);
  return words;
}

}  // namespace ec
