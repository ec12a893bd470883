// What a person wants of a profile, small enough to keep for every profile of a run: where most of it went, who called
// for it, and how much of it the runtime took for itself.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collector/profile/function_origin.h"
#include "collector/profile/pprof.h"

namespace ec {

enum class ProfileKind : uint8_t { kCpu, kHeap, kAllocs, kGoroutine, kMutex, kBlock, kThreadCreate, kOther };
std::string_view to_string(ProfileKind kind);  // "cpu", "heap", "allocs" …
// By what it counts; `name` ("allocs", "mutex") tells apart what counts the same.
ProfileKind profile_kind(std::string_view name, const Pprof& profile);

struct DigestFunction {
  std::string name;     // printable, at most 200 bytes
  int64_t flat = 0;     // spent in its own code
  int64_t cum = 0;      // and in all that it calls
  int64_t charged = 0;  // and in what the runtime does for it: see DigestPath
};

// Samples are charged to the innermost function that is not the runtime's; who called it, as far as most of its
// samples agree. A function that calls itself is told once. Of a block profile only waits for locks are charged: who
// waits for work in a channel is idle.
struct DigestPath {
  int64_t value = 0;                   // of samples charged to functions[0]
  std::vector<std::string> functions;  // innermost first, at most 24
  std::vector<int64_t> values;         // of functions[0] called this way, parallel to functions: never rising
  std::string caller;                  // the first of the program itself behind functions[0]; "" = none
};

struct DigestTotal {
  std::string type, unit;  // "inuse_space", "bytes"
  int64_t value = 0;
};

struct ProfileDigest {
  ProfileKind kind = ProfileKind::kOther;
  std::string type, unit;  // what the figures below count: "cpu", "nanoseconds"
  int64_t total = 0;
  int64_t time_ns = 0, duration_ns = 0;  // 0 = it does not tell
  uint64_t samples = 0, functions = 0;
  std::vector<DigestTotal> totals;  // of every sample type
  std::array<int64_t, kRuntimeWorks>
      runtime{};  // of `total`, by RuntimeWork; kNone and kForCaller are the program's own
  std::vector<DigestFunction> by_flat, by_cum, by_charged;  // heaviest first, 20 at most
  std::vector<DigestPath> paths;                            // of the first of by_charged, 5 at most
};

// Of total; 0 when nothing is known.
double share(const ProfileDigest& digest, int64_t value);
const DigestTotal* total_of(const ProfileDigest& digest, std::string_view type);  // null = it has none

// Time and memory grow with the size of the profile only, whatever it holds.
ProfileDigest digest_profile(ProfileKind kind, const Pprof& profile);

}  // namespace ec
