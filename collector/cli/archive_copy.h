// A second archive of what a first one holds, with more in it.
#pragma once

#include <functional>
#include <string>

#include "collector/archive/reader.h"
#include "collector/archive/writer.h"

namespace ec {

// Copies every artifact but manifest, journal and those that `replaced` names, each with its row. What the first
// archive does not hold as its rows say becomes partial or failed: a copy must not vouch for it.
// Errors: those of the destination; what was copied stays.
Result<void> copy_artifacts(const OpenedArchive& archive, const std::function<bool(const std::string& path)>& replaced,
                            ArchiveWriter& writer);

// "X.tar.zst" or "X.tar.zst.partial" or the folder "X/" → "X.symbolized.tar.zst", in `directory` when it is not "".
std::string name_of_copy(const std::string& path, ArchiveFormat format, const std::string& directory);

}  // namespace ec
