// A whole profile for programs that do not read protobuf: the rows of profile.proto, with strings written out.
#pragma once

#include <string>

#include "collector/profile/pprof.h"

namespace ec {

// {"schema":1,"sample_types":[{"type":"cpu","unit":"nanoseconds"}],…,"mappings":[…],"functions":[…],"locations":[…],
// "samples":[{"locations":[7,3],"values":[10,100],"labels":[{"key":"thread","text":"main"}]}]}: rows refer to each
// other by id; locations of a sample innermost first, lines of a location innermost inlined function first.
std::string pprof_json(const Pprof& profile);

}  // namespace ec
