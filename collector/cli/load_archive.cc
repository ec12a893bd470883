#include "collector/cli/load_archive.h"

#include "collector/analysis/usual.h"
#include "collector/cli/run_record.h"
#include "collector/collectors/runner.h"

namespace ec {

Snapshot snapshot_of(const OpenedArchive& archive) {
  Snapshot snapshot;
  snapshot.run = archive.run;
  snapshot.target = archive.target;
  snapshot.host.name = archive.host_name;
  if (auto record = archive.store.read("raw/run")) read_run_record(*record, snapshot);
  if (auto text = archive.store.read(kBaselinePath))
    if (auto baseline = parse_baseline(kBaselinePath, *text)) snapshot.baseline = std::move(*baseline);
  snapshot.artifacts = archive.rows;
  parse_all(archive.store, snapshot);
  if (!archive.finished) {
    snapshot.run.interrupted = true;
    snapshot.run.interrupted_by = "its own end: the archive was never finished";
  }
  return snapshot;
}

Result<LoadedArchive> load_archive(const std::string& path) {
  auto opened = open_archive(path);
  if (!opened) return tl::unexpected(opened.error());
  LoadedArchive loaded{std::move(*opened), {}};
  loaded.snapshot = snapshot_of(loaded.archive);
  return loaded;
}

}  // namespace ec
