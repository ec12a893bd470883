#include <algorithm>

#include "collector/base/text.h"
#include "collector/collectors/endpoint.h"
#include "collector/collectors/endpoint_kinds.h"
#include "collector/collectors/endpoint_metrics.h"
#include "collector/collectors/endpoint_record.h"
#include "collector/collectors/endpoint_singles.h"
#include "collector/collectors/expvar.h"
#include "collector/collectors/profile_digests.h"
#include "collector/profile/goroutines.h"
#include "collector/profile/gzip.h"
#include "collector/profile/memstats.h"
#include "collector/profile/pprof.h"

namespace ec {

namespace {

constexpr size_t kMostUnpacked = size_t{128} << 20;
constexpr size_t kMostGroups = 200;

Result<Goroutines> goroutines_in(const RawStore& store, const std::string& folder) {
  std::string path = folder + "/goroutine.pb.gz";
  auto served = store.read(path);
  if (served) {
    auto bytes = gunzip(path, *served, kMostUnpacked);
    auto profile = bytes ? parse_pprof(path, *bytes) : Result<Pprof>(tl::unexpected(bytes.error()));
    if (profile)
      if (auto goroutines = goroutines_of(path, *profile)) return goroutines;
  }
  path = folder + "/goroutine.txt";
  auto text = store.read(path);
  if (!text) return tl::unexpected(text.error());
  return parse_goroutine_text(path, *text);
}

// Those after the CPU profile stand for the run, with those before it for the rates.
void read_later_figures(const RawStore& store, const std::string& folder, Endpoint& endpoint) {
  std::string before = folder + "/vars.json", after = folder + "/vars-after.json";
  auto text = store.read(after);
  if (!text || !endpoint.go || !store.row(before)) return;
  auto expvar = parse_expvar(after, *text);
  if (!expvar || !expvar->memstats) return;
  double seconds = (store.row(after)->at_ms - store.row(before)->at_ms) / 1000;
  GoRuntime go = runtime_of(*expvar->memstats);
  // Counts that fall are of another process.
  if (seconds <= 0 || go.gc_count < endpoint.go->gc_count || go.allocated_bytes < endpoint.go->allocated_bytes) return;
  go.goroutines = endpoint.go->goroutines;
  endpoint.go_before = std::move(endpoint.go);
  endpoint.go = go;
  endpoint.go_seconds = seconds;
}

// The profiles speak for the moment they were pulled; what the probe told stays where there is none.
void read_artifacts(const RawStore& store, const std::string& folder, Endpoint& endpoint) {
  if (auto text = store.read(folder + "/vars.json")) {
    if (auto expvar = parse_expvar(folder + "/vars.json", *text)) {
      endpoint.variables = std::move(expvar->variables);
      uint64_t goroutines = endpoint.go ? endpoint.go->goroutines : 0;
      if (expvar->memstats) {
        endpoint.go = runtime_of(*expvar->memstats);
        endpoint.go->goroutines = goroutines;
      }
    }
  } else if (auto heap = store.read(folder + "/heap.txt")) {
    if (auto stats = parse_memstats_comments(folder + "/heap.txt", *heap)) {
      uint64_t goroutines = endpoint.go ? endpoint.go->goroutines : 0;
      endpoint.go = runtime_of(*stats);
      endpoint.go->goroutines = goroutines;
    }
  }
  read_later_figures(store, folder, endpoint);
  if (auto values = store.read(folder + "/metric-values.json"))
    endpoint.variables.merge(words_of_single_values(*values));
  auto goroutines = goroutines_in(store, folder);
  if (!goroutines) return;
  if (!endpoint.go) endpoint.go.emplace();
  endpoint.go->goroutines = goroutines->total;
  for (GoroutineStacks& group : goroutines->groups) {
    if (endpoint.goroutine_groups.size() == kMostGroups) break;
    std::string state(wait_of(group.functions));
    endpoint.goroutine_groups.push_back({group.count, std::move(group.functions), std::move(state)});
  }
}

void read_metrics_pages(const RawStore& store, const EndpointRecord& record, Endpoint& endpoint) {
  std::string path = record.folder + "/metrics.txt";
  auto first = store.read(path), again = store.read(record.folder + "/metrics-again.txt");
  if (!first) return;
  auto reading = read_metrics(path, *first, again.value_or(""), record.metrics_interval_seconds);
  if (!reading) return;
  endpoint.metrics = std::move(reading->metrics);
  if (!reading->go || (endpoint.go && endpoint.go->sys_bytes > 0)) return;
  uint64_t goroutines = endpoint.go ? endpoint.go->goroutines : 0;  // of a profile: nearer to its stacks
  endpoint.go = reading->go;
  if (goroutines > 0) endpoint.go->goroutines = goroutines;
}

Endpoint endpoint_of(const RawStore& store, const EndpointRecord& record) {
  Endpoint endpoint;
  endpoint.url = record.url;
  endpoint.kind = record.kinds.empty() ? "none" : record.kinds.front();
  endpoint.server = record.server;
  endpoint.http_status = record.http_status;
  endpoint.probe_ms = record.probe_ms;
  endpoint.error = !record.error.empty() ? record.error : record.stopped;
  endpoint.note = record.note.empty() ? record.fix : record.note;
  endpoint.health = record.health;
  double worst = std::max({record.health_before_ms, record.health_worst_ms, record.health_after_ms});
  if (endpoint.health.empty() && record.health_after_ms > 0)
    endpoint.health.push_back({"", 0, 0, record.health_before_ms, worst, record.health_after_ms, 2});
  if (record.cpu_profile) {
    endpoint.cpu_profile = record.cpu_profile->outcome;
    endpoint.cpu_reason = record.cpu_profile->reason;
  }
  endpoint.go = record.go;
  for (const EndpointArtifact& one : record.artifacts) {
    PulledProfile pulled{one.name, one.path, one.status, one.reason, one.bytes};
    // What the archive could not keep (a full disk) is not there, whatever the server answered.
    if (const ArtifactRow* row = store.row(one.path); row && row->status != Status::kOk) {
      pulled.status = to_string(row->status);
      if (!row->reason.empty()) pulled.reason = row->reason;
    }
    endpoint.profiles.push_back(std::move(pulled));
  }
  if (!record.folder.empty()) {
    read_artifacts(store, record.folder, endpoint);
    read_metrics_pages(store, record, endpoint);
  }
  return endpoint;
}

// The light row asks first. Where nobody accepts, the connection that waits in the queue later on may be its own: what
// it was told stands.
void keep_first_answers(const RawStore& store, std::vector<EndpointRecord>& records) {
  constexpr std::string_view kPath = "raw/runtime.json", kNotQueried = "not queried: ";
  auto text = store.read(kPath);
  auto first = text ? parse_endpoint_records(kPath, *text) : Result<EndpointRecords>(tl::unexpected(text.error()));
  if (!first) return;
  for (EndpointRecord& record : records) {
    if (!record.error.starts_with(kNotQueried)) continue;
    auto same = std::find_if(first->endpoints.begin(), first->endpoints.end(),
                             [&](const EndpointRecord& one) { return one.url == record.url; });
    if (same != first->endpoints.end() && !same->error.empty()) record.error = same->error;
  }
}

// As the table calls it; of a custom profile its file is named after it.
std::string name_of(std::string_view file) {
  for (const EndpointKind& kind : endpoint_kinds()) {
    if (kind.probe_file == file) return std::string(file);
    for (const EndpointRequest& request : kind.requests)
      if (request.file == file) return std::string(request.name);
  }
  return std::string(file.substr(0, file.find('.')));
}

// The collector was killed before it could write down what it did: its artifacts are there all the same.
void add_unrecorded_profiles(const RawStore& store, std::vector<Endpoint>& endpoints) {
  std::string folder;
  Endpoint found;
  auto finish = [&] {
    if (folder.empty()) return;
    auto known = std::find_if(endpoints.begin(), endpoints.end(), [&](const Endpoint& one) {
      return !one.url.empty() && (found.url.starts_with(one.url + "/") || found.url.starts_with(one.url + ":/"));
    });
    if (known == endpoints.end()) known = endpoints.insert(endpoints.end(), found);
    known->profiles = found.profiles;
    read_artifacts(store, folder, *known);
  };
  for (const std::string& path : store.list("profiles/")) {
    const ArtifactRow* row = store.row(path);
    std::string_view source = row->source;
    size_t slash = path.rfind('/');
    if (!source.starts_with("GET ") || slash < 10) continue;
    if (path.substr(0, slash) != folder) {
      finish();
      folder = path.substr(0, slash);
      found = Endpoint{};
      found.url = source.substr(4);
      found.kind = found.url.find("/pprof") != std::string::npos ? "go-pprof" : "expvar";
    }
    found.profiles.push_back(
        {name_of(path.substr(slash + 1)), path, std::string(to_string(row->status)), row->reason, row->bytes});
  }
  finish();
}

}  // namespace

void parse_endpoints(const RawStore& store, Snapshot& snapshot) {
  read_profiles(store, snapshot);
  bool complete = store.row("raw/endpoint.json") != nullptr;
  std::string path = complete ? "raw/endpoint.json" : "raw/runtime.json";
  auto text = store.read(path);
  auto records = text ? parse_endpoint_records(path, *text) : Result<EndpointRecords>(tl::unexpected(text.error()));
  if (records && complete) keep_first_answers(store, records->endpoints);
  std::vector<Endpoint> endpoints;
  if (records)
    for (const EndpointRecord& record : records->endpoints) endpoints.push_back(endpoint_of(store, record));
  if (!complete) add_unrecorded_profiles(store, endpoints);
  if (!records && endpoints.empty()) {
    snapshot.endpoints = records.error();
  } else if (records && endpoints.empty() && !records->error.empty()) {
    snapshot.endpoints = Error{ErrorCode::kDenied, "", records->error, 0};
  } else {
    snapshot.endpoints = std::move(endpoints);
  }
}

}  // namespace ec
