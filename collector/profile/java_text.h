// The profiles of gperftools' relatives in JVMs: "--- heapz 1 ---" and "--- contentionz 1 ---", and the CPU profile
// whose header says 1. Their addresses are names of locations, which a table at the end tells: no code lies there.
#pragma once

#include <string_view>

#include "collector/base/error.h"
#include "collector/profile/legacy_profile.h"

namespace ec {

// The table: "  0x00000001 com.example.Main.run (Main.java:20)" a line; others are passed over. `table` must live until
// profile.finish().
void name_java_locations(std::string_view table, LegacyProfile& profile);

// Errors: malformed with the line (no such header, an attribute that is not known).
Result<OwnedPprof> parse_java_text(std::string_view where, std::string_view text);

}  // namespace ec
