// Evidence for one answer on standard output: redacted as in an archive, but written to none.
#pragma once

#include <string>

#include "collector/archive/raw_store.h"
#include "collector/archive/redaction.h"
#include "collector/collectors/runner.h"

namespace ec {

class Unarchived : public RunnerListener {
 public:
  Unarchived();  // takes the constants of the host, which parsing needs

  void artifact(ArtifactRow row, std::string bytes, Redact redact) override;
  void progress(const Collector&, Reading, Progress) override {}

  // What was learned, about `target` unless it is null.
  Snapshot parse(const TargetIdentity* target) const;

 private:
  RawStore raw_;
  Redactor redactor_{true};
};

}  // namespace ec
