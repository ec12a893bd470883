// /debug/vars of Go's package expvar: one JSON object, which always has "cmdline" and "memstats".
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "collector/base/error.h"
#include "collector/profile/memstats.h"

namespace ec {

struct Expvar {
  std::optional<Memstats> memstats;
  std::map<std::string, std::string> variables;  // "queues.mail" → "17"; without cmdline and memstats; printable, short
};

// At most 2,000 variables, nested up to 8 deep. Errors: malformed (not a JSON object).
Result<Expvar> parse_expvar(std::string_view where, std::string_view text);

}  // namespace ec
