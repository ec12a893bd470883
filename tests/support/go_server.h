// tests/targets/go/pprof_server, and what it says when it is ready.
#pragma once

#include <string>

#include "tests/live/go_programs.h"

namespace ec::test {

// Built once from source; needs no network.
inline const std::string& go_server() {
  static const std::string program = build_go("pprof_server", {});
  return program;
}

// "127.0.0.1:6060" of "ready 127.0.0.1:6060".
inline std::string address_of(const std::string& ready_line) { return ready_line.substr(ready_line.rfind(' ') + 1); }

}  // namespace ec::test
