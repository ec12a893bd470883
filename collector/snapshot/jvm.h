// What a JVM says of its own threads, over its attach socket.
#pragma once

#include <string>
#include <vector>

#include "collector/profile/jvm_threads.h"

namespace ec {

struct JvmRuntime {
  std::string libjvm;      // libjvm.so as the target names it
  bool signalled = false;  // SIGQUIT was sent to make it open the socket (--jvm-attach)
  double answered_ms = 0;  // from the connection to the end of the answer; its Java threads stood still for less
  JvmThreadDump dump;
  std::vector<int> tids;  // parallel to dump.threads; 0 = none of the threads of the process
};

}  // namespace ec
