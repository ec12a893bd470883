// The rows of the table by family, and what several of them have in common. Private to endpoint_kinds*.cc.
#pragma once

#include "collector/collectors/endpoint_kinds.h"

namespace ec {

// endpoint_kinds_go.cc
EndpointKind go_pprof_kind();
EndpointKind expvar_kind();
EndpointKind gops_kind();
// endpoint_kinds_native.cc
EndpointKind gperftools_kind();
EndpointKind brpc_kind();
EndpointKind rust_pprof_kind();
// endpoint_kinds_services.cc
EndpointKind envoy_kind();
EndpointKind actuator_kind();
EndpointKind prometheus_kind();
EndpointKind node_inspector_kind();

namespace rows {

constexpr size_t kIndexBytes = size_t{1} << 20;
constexpr size_t kVarsBytes = size_t{8} << 20;
constexpr size_t kMetricsBytes = size_t{16} << 20;
constexpr size_t kTextBytes = size_t{1} << 20;
constexpr size_t kDumpBytes = size_t{16} << 20;
constexpr milliseconds kShort{3000}, kLong{15'000};
constexpr std::string_view kMetricsType = "text/plain;version=0.0.4";

// A body of text or JSON that not every version has.
inline EndpointRequest optional_page(std::string_view name, std::string_view path, std::string_view file, BodyType type,
                                     milliseconds total) {
  return {.name = name,
          .path = path,
          .file = file,
          .type = type,
          .cost = Tier::kT2,
          .total = total,
          .body_bytes = kDumpBytes,
          .may_be_absent = true};
}

// The first reading is named metrics.txt; the second one, behind everything else, makes rates of it.
inline EndpointRequest metrics(std::string_view path, When when) {
  bool again = when == When::kAtEnd;
  return {.name = again ? "metrics-again" : "metrics",
          .path = path,
          .file = again ? "metrics-again.txt" : "metrics.txt",
          .type = BodyType::kMetrics,
          .cost = Tier::kT2,
          .when = when,
          .body_bytes = kMetricsBytes,
          .accept = kMetricsType};
}

// Nothing tells this kind without doing what it asks for.
inline bool by_no_answer(const HttpAnswer&) { return false; }

}  // namespace rows

}  // namespace ec
