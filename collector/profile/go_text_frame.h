// The comment lines with which Go's runtime/pprof says in its text forms (debug=1) what the addresses are:
// "#\t0x43a1b5\tmain.wait+0x15\t/src/main.go:20". An inlined function has an address of its own in the stack.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ec {

struct GoTextFrame {
  uint64_t address = 0;  // of the call: the address of the stack minus one
  std::string_view
      function;  // without the offset; "" = not known. It may hold spaces: "main.f[go.shape.struct { X int }]"
  std::string_view file;
  int64_t line = 0;  // 0 = not known
};

std::optional<GoTextFrame> parse_go_text_frame(std::string_view line);

}  // namespace ec
