// What grew between two profiles of the same kind, of one run or of two archives.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "collector/profile/digest.h"
#include "collector/snapshot/snapshot.h"

namespace ec {

struct FunctionGrowth {
  std::string name;
  int64_t before = 0, after = 0;  // charged to it
  std::string caller;             // "" = none of the program
  std::string path;               // its chain, innermost first; "" when the later profile does not have it
};

struct ProfileGrowth {
  int64_t total = 0;                      // after - before
  double share = 0;                       // of before; 1 when there was nothing
  int64_t objects = 0;                    // of a heap: how many more are in use
  std::vector<FunctionGrowth> functions;  // those that grew, most first, 3 at most
};

// Nothing when they count different things.
std::optional<ProfileGrowth> growth_between(const ProfileDigest& before, const ProfileDigest& after);
// "24 MiB of it in main.remember, called by main.handle (96 more objects)".
std::string growth_words(const ProfileGrowth& growth);

// Of two archives: a line for each heap, goroutine and thread profile that grew or shrank by a tenth, with who did.
std::vector<std::string> profile_changes(const Snapshot& before, const Snapshot& after);

}  // namespace ec
