#pragma once

#include <string>

#include "collector/profile/pprof.h"

namespace ec {

// profile.proto, packed with gzip: what `go tool pprof` opens. Ids of mappings, locations and functions must be set;
// string 0 must be "".
std::string write_pprof(const Pprof& profile);

}  // namespace ec
