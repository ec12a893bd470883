#pragma once

#include <string>

namespace ec {

// One function at an address: several when functions were inlined there.
struct SourceFrame {
  std::string function;     // "" = unknown
  std::string file;         // as the compiler recorded it, with its directory; "" = unknown
  int line = 0;             // 0 = unknown
  int column = 0;           // 0 = unknown
  bool inlined = false;     // into the next frame
  bool short_name = false;  // function is without namespace and parameters
};

}  // namespace ec
