// The user stacks of all threads of one process: which are read without a stop, which need one, and what it cost.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "collector/base/clock.h"
#include "collector/base/error.h"
#include "collector/stacks/modules.h"
#include "collector/stacks/unwind_further.h"

namespace ec {

enum class DumpMode {
  kAuto,        // blocked threads without a stop; the others one after the other, for microseconds each
  kConsistent,  // all stopped at one moment
  kNoStop,      // nobody is stopped
};
std::string_view to_string(DumpMode mode);  // "auto", "consistent", "no-stop"

struct DumpRequest {
  pid_t pid = 0, live_tid = 0;
  DumpMode mode = DumpMode::kAuto;
  milliseconds max_pause{50};
  bool restart_interrupted = false;  // calls that a stop ends with EINTR are made to start again
  Deadline deadline = Deadline::never();
  std::vector<std::string> debug_directories = {};  // as in DebugPlaces
  // Called before what may hang or crash: "file PATH", "thread TID". False: an earlier try ended there, leave it out.
  std::function<bool(const std::string& what)> may_try;
};

struct DumpedThread {
  // kProc: there is no user stack, only what /proc says.
  enum class ReadBy { kNoStop, kPtrace, kProc, kCore };
  pid_t tid = 0;
  ReadBy read_by = ReadBy::kProc;
  std::optional<uint32_t> stack;  // index into StackDump::stacks
  int64_t pause_ns = 0;
  bool interrupted_call = false;
  std::string note;
};
std::string_view to_string(DumpedThread::ReadBy read_by);

struct FutexWord {
  pid_t tid = 0;
  uint64_t address = 0;
  std::string bytes;  // [address - 48, address + 64), as far as readable
};

// Nothing when the word itself cannot be read. `read` as FetchStack.
std::optional<FutexWord> read_futex_word(pid_t tid, uint64_t address, const FetchStack& read);

struct StackDump {
  DumpMode mode = DumpMode::kAuto;  // what was done
  std::string why_gentler;          // "" when that was asked for
  int64_t stop_ns = 0, worst_thread_ns = 0;
  int threads_stopped = 0, threads_read_without_stop = 0, calls_interrupted = 0;
  std::vector<PcStack> stacks;        // different ones only
  std::vector<DumpedThread> threads;  // by tid
  std::vector<FutexWord> futexes;
  std::unique_ptr<Modules> modules;
};

// Errors: gone, denied (the address space or the thread list cannot be read).
Result<StackDump> dump_stacks(const DumpRequest& request);

}  // namespace ec
