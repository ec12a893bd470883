// The CPU profile that gperftools writes, and so do brpc, Envoy and others that are linked with it: words of the size
// and byte order of the machine, then the memory map as text.
// https://gperftools.github.io/gperftools/cpuprofile-fileformat.html
#pragma once

#include <string_view>

#include "collector/base/error.h"
#include "collector/profile/profile_builder.h"

namespace ec {

// Whether the bytes begin with the header of such a profile: 0, 3, 0 (1: of a JVM), the period in microseconds, 0.
bool is_gperftools_cpu(std::string_view bytes);

// Errors: malformed (no header, a stack that does not fit, at the offset), truncated (the bytes end before the end
// marker, or inside of a stack: a profile that was still being written).
Result<OwnedPprof> parse_gperftools_cpu(std::string_view where, std::string_view bytes);

}  // namespace ec
