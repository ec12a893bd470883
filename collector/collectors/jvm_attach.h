// Asks a HotSpot JVM for a thread dump over its attach socket, /tmp/.java_pidN in its own root and PID namespace. One
// request, "threaddump" without -l: with it the JVM walks its whole heap at a standstill (vmOperations.cpp,
// ConcurrentLocksDump).
//
// HotSpot answers only to its own user and group (attachListener_posix.cpp), so a process of ours becomes that user for
// the exchange; whatever happens in it, our own process keeps its rights and its time.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

#include "collector/base/clock.h"
#include "collector/base/error.h"
#include "collector/base/unique_fd.h"
#include "collector/target/identity.h"

namespace ec {

struct JvmAttachLimits {
  milliseconds open{3000};  // from the signal to the socket
  milliseconds connect{1000};
  milliseconds first_byte{4000};  // it gets to a standstill first
  milliseconds between_bytes{2000};
  size_t bytes = 48u << 20;
};

struct JvmAttachRequest {
  const TargetIdentity& target;
  uint32_t uid = 0, gid = 0;  // effective ones of the JVM, in our user namespace
  int own_pid = 0;            // its pid as it sees it itself
  UniqueFd temporary;         // /tmp of its root, O_PATH
  UniqueFd working;           // its working directory, O_PATH; may be none
  // Asked right before the signal, in the helper; "" = send it. Empty function: never.
  std::function<std::string()> why_not_to_signal;
  JvmAttachLimits limits{};
};

struct JvmAnswer {
  std::string text;  // as far as it came
  bool signalled = false;
  double first_byte_ms = 0, total_ms = 0;  // after the start of the exchange
  std::optional<Error> problem;            // notFound: there is no socket, and no signal was to be sent for one
};

// Errors travel in JvmAnswer::problem: gone, denied, timeout, notFound, unsupported (the JVM refused), malformed.
JvmAnswer ask_jvm(const JvmAttachRequest& request, Deadline deadline);

}  // namespace ec
