#include "collector/cli/unarchived.h"

#include "collector/cli/own_process.h"
#include "collector/collectors/host_constants.h"

namespace ec {

Unarchived::Unarchived() {
  ArtifactRow row;
  row.path = "raw/host/constants";
  raw_.add(row, host_constants_text());
}

void Unarchived::artifact(ArtifactRow row, std::string bytes, Redact redact) {
  Redacted clean = redactor_.redact(redact, row.path, std::move(bytes));
  raw_.add(std::move(row), std::move(clean.bytes));
}

Snapshot Unarchived::parse(const TargetIdentity* target) const {
  Snapshot snapshot;
  snapshot.run.started_wall_ns = wall_clock_ns();
  snapshot.host.name = host_name();
  if (target) {
    snapshot.target.pid = target->pid;
    snapshot.target.comm = target->comm;
    snapshot.target.start_ticks = target->start_ticks;
  }
  parse_all(raw_, snapshot);
  return snapshot;
}

}  // namespace ec
