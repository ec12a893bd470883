#include "collector/collectors/endpoint_record.h"

#include <nlohmann/json.hpp>

#include "collector/collectors/json_members.h"

namespace ec {

namespace {

using nlohmann::json;

constexpr size_t kMostEndpoints = 1000;
constexpr size_t kMostHealthPaths = 16;

json json_of(const GoRuntime& go) {
  return {{"goroutines", go.goroutines},
          {"heap_alloc_bytes", go.heap_alloc_bytes},
          {"heap_inuse_bytes", go.heap_inuse_bytes},
          {"heap_objects", go.heap_objects},
          {"next_gc_bytes", go.next_gc_bytes},
          {"sys_bytes", go.sys_bytes},
          {"gc_count", go.gc_count},
          {"allocated_bytes", go.allocated_bytes},
          {"gc_cpu_fraction", go.gc_cpu_fraction},
          {"last_pause_ms", go.last_pause_ms},
          {"pause_total_ms", go.pause_total_ms}};
}

json json_of(const EndpointRecord& record) {
  json out{{"url", record.url}, {"kinds", record.kinds}, {"probe_ms", record.probe_ms}};
  auto text = [&](const char* key, const std::string& value) {
    if (!value.empty()) out[key] = value;
  };
  text("folder", record.folder);
  text("server", record.server);
  text("error", record.error);
  text("fix", record.fix);
  text("note", record.note);
  text("stopped", record.stopped);
  if (record.http_status) out["http_status"] = record.http_status;
  if (record.health_before_ms > 0)
    out["health"] = {{"before_ms", record.health_before_ms},
                     {"worst_ms", record.health_worst_ms},
                     {"after_ms", record.health_after_ms}};
  for (const EndpointHealth& one : record.health)
    out["health"]["paths"].push_back({{"path", one.path},
                                      {"status_before", one.status_before},
                                      {"status_after", one.status_after},
                                      {"before_ms", one.before_ms},
                                      {"worst_ms", one.worst_ms},
                                      {"after_ms", one.after_ms},
                                      {"asked", one.asked}});
  if (record.cpu_profile) {
    out["cpu_profile"] = {{"outcome", record.cpu_profile->outcome},
                          {"reason", record.cpu_profile->reason},
                          {"seconds", record.cpu_profile->seconds}};
  }
  if (record.metrics_interval_seconds > 0) out["metrics_interval_seconds"] = record.metrics_interval_seconds;
  if (record.go) out["go"] = json_of(*record.go);
  json artifacts = json::array();
  for (const EndpointArtifact& one : record.artifacts)
    artifacts.push_back({{"name", one.name},
                         {"path", one.path},
                         {"url", one.url},
                         {"status", one.status},
                         {"reason", one.reason},
                         {"bytes", one.bytes},
                         {"took_ms", one.took_ms}});
  out["artifacts"] = std::move(artifacts);
  return out;
}

GoRuntime go_of(const json& object) {
  GoRuntime go;
  go.goroutines = whole_of(object, "goroutines");
  go.heap_alloc_bytes = whole_of(object, "heap_alloc_bytes");
  go.heap_inuse_bytes = whole_of(object, "heap_inuse_bytes");
  go.heap_objects = whole_of(object, "heap_objects");
  go.next_gc_bytes = whole_of(object, "next_gc_bytes");
  go.sys_bytes = whole_of(object, "sys_bytes");
  go.gc_count = whole_of(object, "gc_count");
  go.allocated_bytes = whole_of(object, "allocated_bytes");
  go.gc_cpu_fraction = number_of(object, "gc_cpu_fraction");
  go.last_pause_ms = number_of(object, "last_pause_ms");
  go.pause_total_ms = number_of(object, "pause_total_ms");
  return go;
}

EndpointHealth health_of(const json& object) {
  return {text_of(object, "path"),
          static_cast<int>(whole_of(object, "status_before") % 1000),
          static_cast<int>(whole_of(object, "status_after") % 1000),
          number_of(object, "before_ms"),
          number_of(object, "worst_ms"),
          number_of(object, "after_ms"),
          whole_of(object, "asked")};
}

EndpointRecord record_of(const json& object) {
  EndpointRecord record;
  record.url = text_of(object, "url");
  record.folder = text_of(object, "folder");
  record.server = text_of(object, "server");
  record.error = text_of(object, "error");
  record.fix = text_of(object, "fix");
  record.note = text_of(object, "note");
  record.stopped = text_of(object, "stopped");
  record.http_status = static_cast<int>(whole_of(object, "http_status") % 1000);
  record.probe_ms = number_of(object, "probe_ms");
  for (const json& kind : list_of(object, "kinds"))
    if (kind.is_string()) record.kinds.push_back(kind.get<std::string>());
  record.health_before_ms = number_of(object_of(object, "health"), "before_ms");
  record.health_worst_ms = number_of(object_of(object, "health"), "worst_ms");
  record.health_after_ms = number_of(object_of(object, "health"), "after_ms");
  for (const json& one : list_of(object_of(object, "health"), "paths"))
    if (one.is_object() && record.health.size() < kMostHealthPaths) record.health.push_back(health_of(one));
  if (auto cpu = object.find("cpu_profile"); cpu != object.end() && cpu->is_object())
    record.cpu_profile = CpuOutcome{text_of(*cpu, "outcome"), text_of(*cpu, "reason"),
                                    static_cast<int>(whole_of(*cpu, "seconds") % 1'000'000)};
  record.metrics_interval_seconds = number_of(object, "metrics_interval_seconds");
  if (auto go = object.find("go"); go != object.end() && go->is_object()) record.go = go_of(*go);
  for (const json& one : list_of(object, "artifacts")) {
    if (!one.is_object() || record.artifacts.size() >= kMostEndpoints) continue;
    record.artifacts.push_back({text_of(one, "name"), text_of(one, "path"), text_of(one, "url"), text_of(one, "status"),
                                text_of(one, "reason"), whole_of(one, "bytes"), number_of(one, "took_ms")});
  }
  return record;
}

}  // namespace

std::string to_json(const EndpointRecords& records) {
  json out{{"schema", 1}};
  if (!records.error.empty()) out["error"] = records.error;
  if (!records.fix.empty()) out["fix"] = records.fix;
  json endpoints = json::array();
  for (const EndpointRecord& record : records.endpoints) endpoints.push_back(json_of(record));
  out["endpoints"] = std::move(endpoints);
  return out.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<EndpointRecords> parse_endpoint_records(std::string_view where, std::string_view text) {
  json document = json::parse(text, nullptr, false);
  if (!document.is_object()) return fail(ErrorCode::kMalformed, std::string(where), "expected a JSON object");
  EndpointRecords records;
  records.error = text_of(document, "error");
  records.fix = text_of(document, "fix");
  auto endpoints = document.find("endpoints");
  if (endpoints == document.end() || !endpoints->is_array())
    return fail(ErrorCode::kMalformed, std::string(where), "expected an array 'endpoints'");
  for (const json& one : *endpoints)
    if (one.is_object() && records.endpoints.size() < kMostEndpoints) records.endpoints.push_back(record_of(one));
  return records;
}

GoRuntime runtime_of(const Memstats& stats) {
  GoRuntime go;
  go.heap_alloc_bytes = stats.heap_alloc;
  go.heap_inuse_bytes = stats.heap_inuse;
  go.heap_objects = stats.heap_objects;
  go.next_gc_bytes = stats.next_gc;
  go.sys_bytes = stats.sys;
  go.gc_count = stats.gc_count;
  go.allocated_bytes = stats.total_alloc;
  go.gc_cpu_fraction = stats.gc_cpu_fraction;
  go.last_pause_ms = static_cast<double>(stats.last_pause_ns()) / 1e6;
  go.pause_total_ms = static_cast<double>(stats.pause_total_ns) / 1e6;
  return go;
}

}  // namespace ec
