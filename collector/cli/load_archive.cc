#include "collector/cli/load_archive.h"

#include "collector/cli/run_record.h"
#include "collector/collectors/runner.h"

namespace ec {

Result<LoadedArchive> load_archive(const std::string& path) {
  auto opened = open_archive(path);
  if (!opened) return tl::unexpected(opened.error());
  LoadedArchive loaded{std::move(*opened), {}};
  Snapshot& snapshot = loaded.snapshot;
  snapshot.run = loaded.archive.run;
  snapshot.target = loaded.archive.target;
  snapshot.host.name = loaded.archive.host_name;
  if (auto record = loaded.archive.store.read("raw/run")) read_run_record(*record, snapshot);
  snapshot.artifacts = loaded.archive.rows;
  parse_all(loaded.archive.store, snapshot);
  if (!loaded.archive.finished) {
    snapshot.run.interrupted = true;
    snapshot.run.interrupted_by = "its own end: the archive was never finished";
  }
  return loaded;
}

}  // namespace ec
