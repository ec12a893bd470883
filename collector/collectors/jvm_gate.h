// Whether a JVM may be sent SIGQUIT, which makes it open its attach socket. A process that does not catch it dies of
// it; a JVM that does not expect it prints all its stacks to its standard output. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "collector/collectors/jvm_options.h"
#include "collector/runtimes/jvm_site.h"

namespace ec {

struct JvmSignalFacts {
  JvmSite site;
  char state = '?';
  bool frozen = false;  // its cgroup is
  uint64_t signals_caught = 0, signals_ignored = 0;
  double age_seconds = 0;
  JvmOptions options;
};

// Why it cannot answer at all, now: stopped, frozen. "" = nothing is known that speaks against it.
std::string why_jvm_cannot_answer(char state, bool frozen);
// Why it must not be sent the signal; "" = it may.
std::string why_not_to_signal(const JvmSignalFacts& facts);
// The part of it that can change at any moment, for a last look.
std::string why_not_caught(uint64_t signals_caught, uint64_t signals_ignored);

}  // namespace ec
