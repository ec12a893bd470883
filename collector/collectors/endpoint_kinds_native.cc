// Profilers that are linked into C++ and Rust programs.
#include "collector/collectors/endpoint_kind_rows.h"
#include "collector/collectors/endpoint_recognise.h"

namespace ec {

using namespace rows;
using enum BodyType;

namespace {

// gperftools stops threads with SIGPROF and walks their stacks in the handler, which has ended programs
// (gperftools#43, #895): brpc has the same profiler.
EndpointRequest native_cpu(std::string_view path) {
  return {.name = "profile",
          .path = path,
          .file = "profile.prof",
          .type = kLegacyProfile,
          .cost = Tier::kT4,
          .when = When::kPulled,
          .pull = "native-cpu",
          .cpu = true};
}

EndpointRequest legacy(std::string_view name, std::string_view path, std::string_view file) {
  return {.name = name, .path = path, .file = file, .type = kLegacyProfile, .cost = Tier::kT2, .may_be_absent = true};
}

constexpr auto kT2 = Tier::kT2;

}  // namespace

// https://gperftools.github.io/gperftools/pprof_remote_servers.html
EndpointKind gperftools_kind() {
  return {.name = "gperftools",
          .probe = "/pprof/cmdline",
          .base = "/pprof/",
          .probe_file = "cmdline.txt",
          .probe_type = kText,
          .probe_bytes = kTextBytes,
          .recognise = is_gperftools_command_line,
          .worth_asking = worth_gperftools,
          .requests = {legacy("heap", "heap", "heap.prof"), legacy("growth", "growth", "growth.prof"),
                       legacy("contention", "contention", "contention.prof"), native_cpu("profile?seconds={}")},
          .never = {{"symbol", "addresses are named offline"}, {"pmuprofile", "it needs an event to be chosen"}}};
}

// apache/brpc, docs/en/builtin_service.md, src/brpc/builtin/pprof_service.cpp
EndpointKind brpc_kind() {
  auto page = [](std::string_view name, std::string_view path, std::string_view file) {
    return optional_page(name, path, file, kText, kShort);
  };
  auto optional_metrics = [](When when) {
    EndpointRequest request = metrics("brpc_metrics", when);
    request.total = kShort;
    request.may_be_absent = true;
    return request;
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
                       optional_metrics(When::kAlways),
                       legacy("heap", "pprof/heap", "heap.prof"),
                       legacy("growth", "pprof/growth", "growth.prof"),
                       // Without seconds it is refused.
                       {.name = "contention",
                        .path = "pprof/contention?seconds={}",
                        .file = "contention.prof",
                        .type = kLegacyProfile,
                        .cost = kT2,
                        .when = When::kTimed,
                        .most_seconds = 10},
                       native_cpu("pprof/profile?seconds={}"),
                       optional_metrics(When::kAtEnd)},
          .never = {{"pprof/symbol", "its first call runs nm on every library"},
                    {"flags", "a query in it changes settings"},
                    {"rpcz/enable", "it changes the service"},
                    {"threads", "it runs pstack on itself"},
                    {"dir", "it reads any file"}},
          .health = "/health"};
}

// pprof-rs and its like have no index, and whatever they answer is a profile: asked only when somebody names it.
EndpointKind rust_pprof_kind() {
  return {.name = "rust-pprof",
          .probe = "/debug/pprof/profile",
          .base = "/debug/pprof/",
          .probe_file = "",
          .probe_type = kAnyPprof,
          .probe_bytes = kProfileBytes,
          .recognise = by_no_answer,
          .worth_asking = by_no_answer,
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

}  // namespace ec
