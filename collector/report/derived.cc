#include "collector/report/derived.h"

namespace ec {

std::vector<DerivedArtifact> derived_artifacts(const Snapshot& snapshot, const RawStore& store) {
  derived::Artifacts artifacts;
  derived::threads(snapshot, artifacts);
  derived::goroutines(snapshot, artifacts);
  derived::java(snapshot, artifacts);
  derived::waits(snapshot, artifacts);
  derived::core(snapshot, artifacts);
  if (snapshot.core) return artifacts;  // the rest is of a live process and its host
  derived::process(snapshot, store, artifacts);
  derived::identity(snapshot, artifacts);
  derived::files(snapshot, artifacts);
  derived::system_resources(snapshot, artifacts);
  derived::system_activity(snapshot, artifacts);
  return artifacts;
}

std::vector<DerivedArtifact> late_artifacts(const Snapshot& snapshot) {
  derived::Artifacts artifacts;
  derived::samples(snapshot, artifacts);
  derived::gauges(snapshot, artifacts);
  derived::cpu_profile(snapshot, artifacts);
  derived::page_faults(snapshot, artifacts);
  derived::profiles(snapshot, artifacts);
  return artifacts;
}

}  // namespace ec
