// Names, files and lines for the locations of a profile that have none: those of gperftools and brpc, of perf and of
// stripped programs hold addresses only. They are found in the files that the profile says were mapped there.
#pragma once

#include <string>
#include <vector>

#include "collector/profile/profile_builder.h"
#include "symbolize/debug_file.h"

namespace ec {

struct ProfileSymbols {
  size_t without_names = 0;           // locations that had none
  size_t named = 0;                   // of these
  std::vector<std::string> problems;  // one line for each file that gave no names: "/lib/x.so: its build id is another"
  // Files that were taken by their path alone, because the profile does not have their build ids.
  std::vector<std::string> by_path;
};

// Where a mapping has a build id, the file at its path on this host is only taken when it has the same, else one of
// that build id is looked for in `places`. Without a build id the file at the path is taken if `trust_paths`: right for
// a profile of this host, wrong for one from elsewhere. Names are plain_name()s, the linker's stay beside them as
// system names. Frames that were inlined become lines of their location.
ProfileSymbols add_symbols(OwnedPprof& profile, const DebugPlaces& places, bool trust_paths);

}  // namespace ec
