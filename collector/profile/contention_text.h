// Contention profiles as text: "--- contentionz 1 ---" of gperftools' relatives, "--- contention" of brpc, and
// "--- mutex:" and "--- contention:" of Go's runtime/pprof with debug=1 (mutex, block).
//
//   --- contention:
//   cycles/second=2596136031
//   10150273770 159 @ 0x4b6c8d 0x4b6c6c 0x462b61
#pragma once

#include <string_view>

#include "collector/base/error.h"
#include "collector/profile/profile_builder.h"

namespace ec {

// Whether the first line of a text is that of such a profile.
bool is_contention_title(std::string_view line);

// Sample types: contentions, delay in nanoseconds. The memory map may follow without a title, as in brpc.
// Errors: malformed with the line. That of a JVM, which has the same title, goes to parse_java_text().
Result<OwnedPprof> parse_contention_text(std::string_view where, std::string_view text);

}  // namespace ec
