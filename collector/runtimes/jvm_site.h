// Whether a process runs a JVM, and which one.
#pragma once

#include <optional>
#include <string>

#include "collector/stacks/modules.h"

namespace ec {

struct JvmSite {
  std::string libjvm;     // libjvm.so as the target names it
  bool hotspot = false;   // it is that of HotSpot: it exports the description of HotSpot's structures
  bool openj9 = false;    // Eclipse OpenJ9, whose libjvm.so only leads to it
  bool launcher = false;  // the program was started by the java launcher, so that its arguments are the JVM's
};

// Nothing when no libjvm.so is mapped.
std::optional<JvmSite> find_jvm(Modules& modules);

}  // namespace ec
