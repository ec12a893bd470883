// Debug files from servers that speak debuginfod's protocol (debuginfod(8), "WEBAPI"), into the cache that its other
// clients use (debuginfod_find_debuginfo(3)). Only from servers that the user names: never from $DEBUGINFOD_URLS,
// because asking tells a stranger what runs here.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "collector/base/clock.h"
#include "collector/base/error.h"
#include "symbolize/debug_file.h"

namespace ec {

struct DebuginfodRequest {
  std::vector<std::string> urls;            // as parse_endpoint_url() takes them; asked in this order
  std::string cache;                        // directory, made when needed
  Deadline deadline;                        // for everything
  uint64_t most_bytes = uint64_t{1} << 30;  // of one file, which is in memory while it comes
};

// $DEBUGINFOD_CACHE_PATH, $XDG_CACHE_HOME/debuginfod_client or ~/.cache/debuginfod_client; "" when none is set.
std::string debuginfod_cache();

struct DebuginfodModule {
  std::string build_id, path;
};

// Fetches what `places` lack of each module: its debug file or, where there is none, the program itself; and the file
// that dwz(1) moved common parts to. What came is added to places.known: an ELF file with the right build id, else it
// is thrown away. Build id → why there is nothing, for the others. A helper process does the work.
std::map<std::string, std::string> fetch_missing(const std::vector<DebuginfodModule>& modules,
                                                 const DebuginfodRequest& request, DebugPlaces& places);

}  // namespace ec
