#pragma once

#include <string>
#include <vector>

#include "collector/snapshot/snapshot.h"

namespace ec {

// Something that the death of the target left behind, read after it.
struct DeathEvidence {
  std::string artifact, source, bytes;
  std::string sentence;  // what it says, for the summary; "" when it says nothing about this death
};

// The OOM counters of the cgroup that the target lived in, compared with those of the snapshot, and kills of this PID
// in the kernel log of the snapshot.
std::vector<DeathEvidence> evidence_of_death(const Snapshot& snapshot);

}  // namespace ec
