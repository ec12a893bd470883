// Collector "jvm": the thread dump of a HotSpot JVM, over the attach socket that it has, or opens on --jvm-attach.
// Raw form: raw/jvm/threaddump.txt as the JVM wrote it, raw/jvm/attach.txt: how it was asked. Nothing is stored for
// what is no JVM.
#pragma once

#include <optional>
#include <string>

#include "collector/collectors/collector.h"

namespace ec {

void gather_jvm(GatherContext& context);
// After parse_threads: gives the threads their Java names.
void parse_jvm(const RawStore& store, Snapshot& snapshot);

// For doctor: what gather_jvm would meet. Connects to nothing and sends no signal.
struct JvmOutlook {
  std::string problem;  // "" = there is a socket
  std::string fix;      // "" = none
};
// Nothing when it is no JVM, or its memory map cannot be read.
std::optional<JvmOutlook> jvm_outlook(const TargetIdentity& target);

}  // namespace ec
