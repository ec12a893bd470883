// Names that were looked up after the collection, on another machine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "symbolize/source_frame.h"

namespace ec {

struct AddedName {
  uint64_t module_offset = 0;  // as in Frame
  bool return_address = false;
  std::string symbol;  // "" = unknown
  uint64_t symbol_offset = 0;
  std::vector<SourceFrame> lines;  // innermost first, the last one not inlined; empty = unknown
};

struct AddedModule {
  std::string path, build_id;    // as in Frame
  std::string file, debug_file;  // that the names are from, where they were looked up; "" = none
  std::string reason;            // why file is empty
  std::vector<AddedName> names;
};

struct AddedNames {
  std::string version, collector_build_id;  // of who looked them up
  int64_t at_wall_ns = 0;
  std::string archive;          // name of the archive without them
  std::string manifest_sha256;  // of its manifest, "" when it had none
  std::vector<AddedModule> modules;
};

}  // namespace ec
