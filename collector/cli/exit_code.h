#pragma once

namespace ec {

// ARCHIVE.md, "Command line".
enum ExitCode { kComplete = 0, kNothingCollected = 1, kUsage = 2, kPartialArchive = 3 };

}  // namespace ec
