// What the collectors of one process share: where its files are read, and how a missing one is told.
#pragma once

#include <string>
#include <string_view>

#include "collector/collectors/collector.h"

namespace ec {

struct ProcessFile {
  std::string_view name;  // below /proc/PID: "attr/current"
  Redact redact = Redact::kAuto;
  bool optional = false;  // not every kernel has it
};

// "proc/42/maps", as raw_path() and interval_seconds() take it.
std::string process_path(int pid, std::string_view name);
// "/proc/42", or "/proc/42/task/43" when the leader has ended and 43 lives: a dead leader has neither memory nor
// directories.
std::string live_directory(const TargetIdentity& target);
// Why the target has no memory to look at; "" when it has.
std::string no_memory_reason(const TargetIdentity& target);
// `why`; but when the target is still there and such a process does not have what was looked for, that it was skipped:
// then nothing is missing. `target` may be null.
Error unless_absent(const TargetIdentity* target, Error why);

// Reads /proc/PID/NAME (of a live thread when `live`) and stores it as raw/…/proc/PID/NAME, or why not. `risky`: needs
// the mmap lock of the target, or walks its page tables.
void store_process_file(GatherContext& context, const ProcessFile& file, bool live = false, bool risky = false);

}  // namespace ec
