// Goroutine profiles: how many goroutines stand at which stack. Both forms that do not stop the program for long: the
// protobuf (debug=0) and the text (debug=1) of Go's runtime/pprof.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"
#include "collector/profile/pprof.h"

namespace ec {

struct GoroutineStacks {
  uint64_t count = 0;
  std::vector<std::string> functions;  // innermost first, printable; "0x43a1b6" where there is no name
};

struct Goroutines {
  uint64_t total = 0;
  std::vector<GoroutineStacks> groups;  // different function lists, largest first
};

// `profile` of /debug/pprof/goroutine: one value per sample, the count. Errors: malformed (no sample type "goroutine").
Result<Goroutines> goroutines_of(std::string_view where, const Pprof& profile);

// "goroutine profile: total 8", then groups "3 @ 0x43a1b6 …" with a line "#\t0x43a1b5\tmain.wait+0x15\t/src/main.go:20"
// per frame. Errors: malformed with the line; truncated when the groups add up to less than the total.
Result<Goroutines> parse_goroutine_text(std::string_view where, std::string_view text);

// What the goroutines of a group wait for, in the words of a Go traceback ("chan receive", "select", "IO wait",
// "sleep", "semacquire", "sync.Mutex.Lock" …), told from the innermost functions of the runtime; "" when they do not
// tell.
std::string_view wait_of(const std::vector<std::string>& functions);

}  // namespace ec
