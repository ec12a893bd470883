#include "collector/collectors/endpoint_kinds.h"

#include <algorithm>

#include "collector/collectors/endpoint_kind_rows.h"

namespace ec {

// Those whose first answer tells come before those that must be tried; the order is that of asking.
const std::vector<EndpointKind>& endpoint_kinds() {
  static const std::vector<EndpointKind> kKinds{
      go_pprof_kind(),   expvar_kind(),     brpc_kind(),           envoy_kind(),      actuator_kind(),
      prometheus_kind(), gperftools_kind(), node_inspector_kind(), rust_pprof_kind(), gops_kind()};
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
