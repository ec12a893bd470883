// Profiles that only count stacks, as text: those of Go's runtime/pprof with debug=1 (goroutine, threadcreate, and any
// of the program's own), and threadz of gperftools' relatives.
#pragma once

#include <string_view>

#include "collector/base/error.h"
#include "collector/profile/profile_builder.h"

namespace ec {

// "threadcreate profile: total 4" → "threadcreate"; "" when the line is another one.
std::string_view count_profile_name(std::string_view line);

// "goroutine profile: total 8", then "3 @ 0x43a1b6 0x4061f3" and comments with the names. One sample type, named as the
// profile. Errors: malformed with the line.
Result<OwnedPprof> parse_count_text(std::string_view where, std::string_view text);

// Whether the first line of a text is "--- threadz 1 ---" or "--- Thread 7f95 (name: io/12) stack: ---".
bool is_threadz_title(std::string_view line);

// One thread after the other with the addresses of its stack. Sample type: thread. Errors: malformed with the line.
Result<OwnedPprof> parse_threadz_text(std::string_view where, std::string_view text);

}  // namespace ec
