// The agent of gops inside a Go program: a TCP port, told by a file, that answers commands of one byte.
// github.com/google/gops, agent/agent.go
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "collector/collectors/http_client.h"
#include "collector/snapshot/snapshot.h"
#include "collector/target/identity.h"

namespace ec {

// From the file named after the process in the folder of gops, as the target sees its home. Nothing when there is none
// or it may not be read.
std::optional<uint16_t> gops_port(const TargetIdentity& target);

// Sends `command` and reads until the agent hangs up. status is 200 when something came. Errors: as http_get.
Result<HttpAnswer> ask_gops(const HttpAddress& address, std::string_view command, const HttpLimits& limits);

// "goroutines: 12", "heap-alloc: 123 bytes": lines of the commands stats and memstats, added to `go`. Pure.
void add_gops_figures(std::string_view text, GoRuntime& go);

}  // namespace ec
