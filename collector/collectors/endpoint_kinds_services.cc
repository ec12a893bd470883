// Pages of known programs and frameworks: their state, and what they count.
#include "collector/collectors/endpoint_kind_rows.h"
#include "collector/collectors/endpoint_recognise.h"
#include "collector/collectors/endpoint_singles.h"

namespace ec {

using namespace rows;
using enum BodyType;

namespace {

constexpr auto kT2 = Tier::kT2;

}  // namespace

// docs/root/operations/admin.rst. Whatever changes something is a POST there, and we send none.
EndpointKind envoy_kind() {
  auto json = [](std::string_view name, std::string_view path, std::string_view file) {
    return optional_page(name, path, file, kJson, kLong);
  };
  return {.name = "envoy",
          .probe = "/ready",
          .base = "/",
          .probe_file = "ready.txt",
          .probe_type = kText,
          .probe_bytes = kTextBytes,
          .recognise = is_envoy_ready,
          .worth_asking = worth_envoy,
          .requests = {json("server_info", "server_info", "server_info.json"), json("memory", "memory", "memory.json"),
                       metrics("stats/prometheus?usedonly", When::kAlways),
                       json("clusters", "clusters?format=json", "clusters.json"),
                       json("listeners", "listeners?format=json", "listeners.json"),
                       json("init_dump", "init_dump", "init_dump.json"),
                       json("config_dump", "config_dump", "config_dump.json"),
                       metrics("stats/prometheus?usedonly", When::kAtEnd)},
          .never = {{"quitquitquit", "it ends the proxy"},
                    {"drain_listeners", "it changes the proxy"},
                    {"healthcheck/fail", "it changes the proxy"},
                    {"cpuprofiler", "it writes to the disk of the proxy"},
                    {"hystrix_event_stream", "it never ends"}},
          .health = "/ready"};
}

// docs.spring.io/spring-boot/api/rest/actuator
EndpointKind actuator_kind() {
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
                       metrics("prometheus", When::kListed),
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
                       metrics("prometheus", When::kAtEnd)},
          .never = {{"heapdump", "it writes the whole heap, secrets and all, and stops the program for it"},
                    {"shutdown", "it ends the program"},
                    {"env", "it is full of secrets"},
                    {"configprops", "it is full of secrets"},
                    {"logfile", "logs are read from the disk"}},
          .health = "/actuator/health"};
}

// https://prometheus.io/docs/instrumenting/exposition_formats/
EndpointKind prometheus_kind() {
  return {.name = "prometheus",
          .probe = "/metrics",
          .probe_file = "metrics.txt",
          .probe_type = kMetrics,
          .probe_bytes = kMetricsBytes,
          .recognise = is_metrics,
          .worth_asking = worth_metrics,
          .requests = {metrics("", When::kAtEnd)},
          .accept = kMetricsType};
}

// src/inspector_io.cc of Node: /json/version is the same for everybody; /json/list gives the address that takes orders.
EndpointKind node_inspector_kind() {
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

}  // namespace ec
