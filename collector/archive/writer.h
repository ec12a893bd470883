// The archive on disk: append-only. Each artifact is on the disk, readable, when add() returns; a finished archive
// appears under its final name by an atomic rename. libarchive is private to this layer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "collector/archive/format.h"
#include "collector/base/error.h"
#include "collector/snapshot/snapshot.h"

namespace ec {

struct WriterOptions {
  std::string output;  // a file, a directory, or "-" for standard output
  std::string folder;  // "incident-HOST-COMM-PID-20261120T214638Z": the one folder inside, and the file's stem
  ArchiveFormat format = ArchiveFormat::kTarZst;
  int stdout_fd = 1;         // where "-" goes
  int patience_ms = 60'000;  // with a reader of it that takes nothing
};

enum class Importance { kEssential, kNormal, kLow };  // essential: may use the reserve kept for summary and manifest

class ArchiveWriter {
 public:
  // Creates PATH.partial with mode 0600, O_EXCL; never follows a link. When the destination cannot be written, the
  // error names it and its device. Errors: denied, no-space, not-found, usage.
  static Result<std::unique_ptr<ArchiveWriter>> create(const WriterOptions& options);
  virtual ~ArchiveWriter() = default;

  // Stores the bytes (already redacted) and completes `row` (bytes, sha256). When the destination is full, or would eat
  // the reserve, nothing is written, row.status becomes failed with the reason (device named), and the error says
  // no-space; the archive stays readable and smaller artifacts may still fit. Bytes of a row that is failed, timeout or
  // skipped are not stored; the row is kept all the same.
  virtual Result<void> add(ArtifactRow& row, std::string_view bytes, Importance importance = Importance::kNormal) = 0;

  // Writes journal.jsonl of the rows so far into the archive (tar: a later copy wins on extraction). Cheap; call it
  // before anything slow, so that a killed run leaves a journal.
  virtual void checkpoint() = 0;

  virtual const std::vector<ArtifactRow>& rows() const = 0;

  // Writes journal.jsonl and `manifest_json` as manifest.json, closes, syncs, renames to the final name.
  // The error says why the archive keeps its .partial name.
  virtual Result<void> finish(std::string_view manifest_json) = 0;

  virtual std::string path() const = 0;  // as it is now: …partial until finish() succeeded; "-" for standard output
};

// manifest.json, ARCHIVE.md. `complete`: nothing is missing. Pause comes from the snapshot's stacks.
std::string manifest_json(const Snapshot& snapshot, const std::vector<ArtifactRow>& rows, bool complete);

}  // namespace ec
