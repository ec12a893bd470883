// What race detectors print about two accesses to one place without anything that orders them: the Go race detector
// ("WARNING: DATA RACE") and ThreadSanitizer of clang and gcc ("WARNING: ThreadSanitizer: data race"). Alone or in the
// middle of a log.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collector/profile/text_frame.h"

namespace ec {

struct RaceAccess {
  std::string what;               // "write", "read", "atomic write", "write of size 4"
  std::string who;                // "goroutine 8", "main goroutine", "thread T2", "main thread"
  std::vector<TextFrame> frames;  // innermost first; empty: the detector had forgotten them
};

// Where a goroutine, a thread or a heap block of the race comes from.
struct RaceOrigin {
  std::string what;  // "goroutine 8 (running)", "thread T2 (running)", "heap block of size 16"
  std::string by;    // "main thread"; "" = not told
  std::vector<TextFrame> frames;
};

struct RaceReport {
  bool go = false;
  RaceAccess access, previous;
  std::string location;  // "global 'requests' of size 4", "heap block of size 16", "stack of thread T1"; "" = not told
  std::vector<RaceOrigin> origins;
  uint64_t count = 0;  // reports of the same race: the same two places, in either order
  int first_line = 0;  // in the text, from 1
};

// Every race of a text, the most frequent first; at most `limit` different ones.
std::vector<RaceReport> find_races(std::string_view text, size_t limit = 100);

// "write in main.addOne (main.go:72) by main goroutine".
std::string access_words(const RaceAccess& access);

}  // namespace ec
