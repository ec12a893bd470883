// What tells one kind of debug endpoint from another, and what their index pages list. Pure; answers are hostile.
#pragma once

#include <string_view>
#include <vector>

#include "collector/collectors/endpoint_kinds.h"

namespace ec {

bool is_pprof_index(const HttpAnswer& answer);
bool is_expvar(const HttpAnswer& answer);
bool is_gperftools_command_line(const HttpAnswer& answer);
bool is_brpc_health(const HttpAnswer& answer);
bool is_envoy_ready(const HttpAnswer& answer);
bool is_actuator(const HttpAnswer& answer);
bool is_metrics(const HttpAnswer& answer);
bool is_node_inspector(const HttpAnswer& answer);

// Of the answer to the first GET, /debug/pprof/: whether another one for this kind is worth the trouble of the target.
bool worth_expvar(const HttpAnswer& first);
bool worth_gperftools(const HttpAnswer& first);
bool worth_brpc(const HttpAnswer& first);
bool worth_envoy(const HttpAnswer& first);
bool worth_actuator(const HttpAnswer& first);
bool worth_metrics(const HttpAnswer& first);
bool worth_node_inspector(const HttpAnswer& first);

// Rows of the index page of net/http/pprof. At most 64; names that are not plain are left out.
std::vector<ListedProfile> parse_pprof_index(std::string_view html);
// "_links" of GET /actuator that are no templates. At most 64; names that are not plain are left out.
std::vector<ListedProfile> parse_actuator_links(std::string_view json);

}  // namespace ec
