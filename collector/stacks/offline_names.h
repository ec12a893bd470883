// Names for addresses whose process is gone: all that is left of a module is its build id and path. As in
// frame_names.h, a helper process reads the files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collector/base/clock.h"
#include "symbolize/debug_file.h"
#include "symbolize/source_frame.h"

namespace ec {

struct AddressAnswer {
  std::string symbol;  // "" = unknown
  uint64_t symbol_offset = 0;
  std::vector<SourceFrame> lines;  // innermost first, the last one not inlined; empty = unknown
};

struct OfflineAddress {
  uint64_t module_offset = 0;
  bool return_address = false;  // the call is before it
  AddressAnswer answer = {};
};

struct OfflineModule {
  std::string path, build_id;
  std::vector<OfflineAddress> addresses;
  // Set by name_offline():
  std::string file, debug_file;  // the names are from; "" = none
  std::string reason;            // why there is no file, or why it gave no names
};

void name_offline(std::vector<OfflineModule>& modules, const DebugPlaces& places, Deadline deadline);

}  // namespace ec
