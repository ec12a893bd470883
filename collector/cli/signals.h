#pragma once

#include "collector/base/error.h"
#include "collector/base/unique_fd.h"

namespace ec {

// SIGINT, SIGTERM and SIGHUP end the run in order: they become readable bytes. A second SIGINT ends the program at
// once.
class SignalPipe {
 public:
  static Result<SignalPipe> install();
  int fd() const { return read_end_.get(); }
  // The signal that came first, 0 when none did.
  int received() const;
  // From now on they end the program at once again.
  void give_back() const;

 private:
  UniqueFd read_end_, write_end_;
};

}  // namespace ec
