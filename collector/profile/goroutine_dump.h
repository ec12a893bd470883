// Stacks of goroutines as a Go program prints them: when it dies of a panic, a fatal error or a signal, when a server
// survives a panic (net/http), from debug.Stack(), and as /debug/pprof/goroutine?debug=2. Alone or in the middle of a
// log.
//
//   panic: runtime error: invalid memory address or nil pointer dereference
//   [signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x4b7029]
//
//   goroutine 18 [chan receive, 5 minutes]:
//   main.waitForReply(0x0?)
//   	/src/main.go:31 +0x1b
//   created by main.startPool in goroutine 1
//   	/src/main.go:64 +0x25
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"
#include "collector/profile/goroutines.h"
#include "collector/profile/text_frame.h"

namespace ec {

// Goroutines with the same functions in the same state, made by the same function.
struct DumpedGoroutines {
  uint64_t count = 0;
  std::vector<uint64_t> ids;      // the first kMostIds
  std::string state;              // "chan receive", "select (no cases)", "running"
  uint64_t longest_minutes = 0;   // in this state; Go tells them from the first minute on
  uint64_t locked_to_thread = 0;  // how many of them
  std::vector<TextFrame> frames;  // innermost first, places of the first goroutine
  TextFrame creator;              // function "" = not told: the main goroutine has none
  bool elided = false;            // Go left out frames in the middle
  bool no_stack = false;          // it ran on another thread
  static constexpr size_t kMostIds = 10;
};

struct GoroutineDump {
  // Why it was printed: "panic: …", "fatal error: …", "SIGQUIT: quit", "http: panic serving …"; "" = it was asked for.
  std::string reason;
  std::string signal;     // "[signal SIGSEGV: segmentation violation …]" of a panic, without brackets
  bool survived = false;  // the panic was caught, by net/http or by who prints debug.Stack(): the program ran on
  uint64_t failed = 0;    // id of the goroutine that is printed first; 0 without a reason
  std::vector<TextFrame> failed_frames;
  std::optional<TextFrame> at;  // the innermost function of the program's own on that stack
  uint64_t goroutines = 0;
  std::vector<DumpedGoroutines> groups;  // largest first
  int first_line = 0, last_line = 0;     // in the text, from 1
};

// Every dump in a text, in its order; at most `limit` of them. A panic that was printed together with the stacks of all
// goroutines is one dump.
std::vector<GoroutineDump> find_goroutine_dumps(std::string_view text, size_t limit = 1000);

// The one dump of a file. Errors: malformed (no "goroutine N [STATE]:" in it).
Result<GoroutineDump> parse_goroutine_dump(std::string_view where, std::string_view text);

// "12 min", "3 h 5 min".
std::string minutes_words(uint64_t minutes);

// In the form of the other two goroutine profiles, for what groups, compares and prints those.
Goroutines goroutines_of(const GoroutineDump& dump);

}  // namespace ec
