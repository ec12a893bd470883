// What Go programs offer of their own runtime.
#include "collector/collectors/endpoint_kind_rows.h"
#include "collector/collectors/endpoint_recognise.h"

namespace ec {

using namespace rows;
using enum BodyType;

namespace {

constexpr auto kT2 = Tier::kT2, kT4 = Tier::kT4;

}  // namespace

// net/http/pprof: https://pkg.go.dev/net/http/pprof
EndpointKind go_pprof_kind() {
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
EndpointKind expvar_kind() {
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

// github.com/google/gops, agent/agent.go: one byte asks, the answer ends with the connection.
EndpointKind gops_kind() {
  return {.name = "gops",
          .probe = "",
          .base = "/",
          .probe_file = "",
          .probe_type = kText,
          .probe_bytes = kTextBytes,
          .recognise = by_no_answer,
          .worth_asking = by_no_answer,
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

}  // namespace ec
