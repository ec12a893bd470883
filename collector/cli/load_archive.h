#pragma once

#include <string>

#include "collector/archive/reader.h"
#include "collector/snapshot/snapshot.h"

namespace ec {

struct LoadedArchive {
  OpenedArchive archive;
  Snapshot snapshot;  // parsed anew from the raw bytes
};
Snapshot snapshot_of(const OpenedArchive& archive);
// Opens an archive or fixture folder and brings its snapshot back. Errors: those of open_archive().
Result<LoadedArchive> load_archive(const std::string& path);

}  // namespace ec
