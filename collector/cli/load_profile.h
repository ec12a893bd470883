#pragma once

#include <string>

#include "collector/profile/profile_builder.h"

namespace ec {

// The bytes of a profile and where they are from.
struct ProfileBytes {
  std::string where;  // "heap.pb.gz", "incident.tar.zst:profiles/127.0.0.1_6060/heap.pb.gz"
  std::string bytes;
};

// FILE, ARCHIVE, or ARCHIVE:NAME, where NAME is the end of one path below profiles/, with or without its ending (.pb.gz
// before others). An archive alone has to hold one profile. Errors: of reading; usage (NAME fits none, or several,
// which are listed).
Result<ProfileBytes> find_profile(const std::string& source);
Result<OwnedPprof> load_profile(const std::string& source);

}  // namespace ec
