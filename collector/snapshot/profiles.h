// The profiles of a run, read: what matters of each. The profiles themselves stay in the archive.
#pragma once

#include <string>
#include <vector>

#include "collector/base/error.h"
#include "collector/profile/digest.h"

namespace ec {

struct RunProfile {
  std::string name, artifact;  // "heap", "profiles/127.0.0.1_6060/heap.pb.gz"
  double at_ms = 0;            // when it was there, after the start of the run
  ProfileDigest digest;
};

struct UnreadProfile {
  std::string artifact;
  Error why;
};

struct Profiles {
  std::vector<RunProfile> read;  // in the order of their artifacts' paths
  std::vector<UnreadProfile> unread;
};

}  // namespace ec
