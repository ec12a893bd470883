// The files in which a program that makes code tells perf(1) of it: tools/perf/Documentation/jitdump-specification.txt
// of Linux. Hostile input: a program can write anything.
#pragma once

#include <vector>

#include "collector/base/clock.h"
#include "collector/base/error.h"
#include "symbolize/byte_source.h"
#include "symbolize/jit_names.h"

namespace ec {

// What the file says about these addresses. It is only appended to, so the last record that covers an address wins; one
// that is not whole ends the file. Code that was moved has no name, neither where it was nor where it is. After
// `deadline`, and behind a million records, nothing more is read. Errors: malformed (no jitdump file), unsupported
// (another byte order or version).
Result<JitNames> names_in_jitdump(const ByteSource& file, const std::vector<uint64_t>& addresses, Deadline deadline);

}  // namespace ec
