#pragma once

#include <string>
#include <vector>

#include "collector/profile/profile_builder.h"

namespace ec {

// The bytes of a profile and where they are from.
struct ProfileBytes {
  std::string where;  // "heap.pb.gz", "incident.tar.zst:profiles/127.0.0.1_6060/heap.pb.gz"
  std::string bytes;
  bool in_archive = false;  // it may be of another host
};

struct LoadedProfile {
  OwnedPprof owned;
  std::vector<std::string> notes;  // about names that are not there, or not certain; one line each
};

// FILE, ARCHIVE, or ARCHIVE:NAME, where NAME is the end of one path below profiles/, with or without its ending (.pb.gz
// before others). An archive alone has to hold one profile. A profile may come from standard input ("-"), or through
// the pipe of a shell (/dev/fd/N). Errors: of reading; usage (NAME fits none, or several, which are listed).
Result<ProfileBytes> find_profile(const std::string& source);
// A profile in any form. Addresses without names get those of the files that were mapped there, which are looked for
// on this host and in `debug_directories`; for a profile of an archive by their build ids only. Errors: those of
// find_profile() and parse_profile().
Result<LoadedProfile> load_profile(const std::string& source, const std::vector<std::string>& debug_directories);

}  // namespace ec
