// Whether a service still is well while it is asked for profiles: the paths that it offers for that question, else a
// page that it has answered before.
#pragma once

#include <string>
#include <vector>

#include "collector/collectors/endpoint_probe.h"

namespace ec {

class HealthWatch {
 public:
  // `probed` must live as long; what is seen goes to its record.
  explicit HealthWatch(ProbedEndpoint& probed);

  // Looks for the paths and times them; to be called before the pulls.
  void before(Deadline until);
  // Asks the path that is watched. When it has become slow or unwell, twice in a row, record.stopped says so.
  void between(Deadline until);
  // As between, and times the other paths once more.
  void after(Deadline until);

 private:
  struct Seen {
    int status = 0;  // 0 = no answer, `problem` says why
    double ms = 0;
    std::string problem, body, content_type;
  };
  Seen ask(const std::string& path, Deadline until) const;
  // Why no more may be asked of the service, "" = nothing is wrong.
  std::string problem(const std::string& path, const Seen& now, int status_before, double before_ms) const;
  EndpointHealth* watched();

  ProbedEndpoint& probed_;
  std::string page_;  // that the probe asked
};

}  // namespace ec
