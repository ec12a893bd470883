// Opens archives of any of the three formats, finished or partial, and unpacked folders of them (fixtures).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "collector/archive/format.h"
#include "collector/archive/raw_store.h"
#include "collector/base/error.h"

namespace ec {

struct OpenedArchive {
  std::string folder;                             // the one folder inside
  ArchiveFormat format = ArchiveFormat::kTarZst;  // of the file; an unpacked folder or plain tar counts as tar.zst
  RawStore store;                                 // every artifact, raw/ and derived, paths without the folder
  std::vector<ArtifactRow> rows;  // of manifest.json, else journal.jsonl, else the rows inside the artifacts' headers
  RunInfo run;                    // from manifest.json or journal; what is missing stays empty
  TargetInfo target;
  std::string host_name, kernel, boot_id;
  bool finished = false;  // has a manifest
  bool complete = false;  // the manifest says complete
  std::string damage;     // where and why reading stopped early; "" = read to the end
};

// Errors: not-found, denied, malformed (not an archive of ours). A damaged one is opened as far as it reads.
// Hostile input: member names are checked, sizes are bounded.
Result<OpenedArchive> open_archive(const std::string& path);

struct Verification {
  uint64_t artifacts = 0, hashes_right = 0, bytes = 0;
  std::vector<std::string>
      problems;  // "process/maps: hash differs", "threads/stacks.txt: in the manifest, not in the archive"
  std::vector<std::string> unlisted;  // in the archive, but in no journal or manifest row
};
Verification verify(const OpenedArchive& archive);

}  // namespace ec
