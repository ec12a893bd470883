// Threads and their stacks. Stacks are interned: thousands of threads share a few stacks and frames.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "collector/base/part.h"

namespace ec {

// A blocked thread's system call, from /proc/PID/task/TID/syscall.
struct BlockedCall {
  long number = -1;                 // -1: blocked outside a system call
  std::string name;                 // "futex", "epoll_wait" …; "" when unknown
  std::vector<uint64_t> arguments;  // six, raw
  uint64_t stack_pointer = 0, program_counter = 0;
  std::string text;  // decoded: "recvfrom(fd 31 = TCP 10.0.0.1:44 → 10.0.0.9:5432, …)", "futex(FUTEX_WAIT 0x7f…)"
};

// 112 bytes of target memory around a futex word: [address - 48, address + 64), read without a stop.
struct FutexMemory {
  uint64_t address = 0;
  std::string bytes;  // may be shorter when unreadable; offset of the word is 48
  // The nearest symbol of the file that the word is a variable of; "" on the heap, a stack, or without a symbol table.
  std::string symbol, module;
  uint64_t symbol_offset = 0;  // of the word from the symbol
  // A lock of stdio names its owner by the address of that thread's struct pthread: what stands there.
  struct ThreadBlock {
    uint64_t pointer = 0, self = 0;  // self: the block's own address, when it is one
    uint32_t tid = 0;                // in the target's own PID namespace
  };
  std::optional<ThreadBlock> owner_block;
};

struct Thread {
  int tid = 0;
  int ns_tid = 0;  // in the target's own PID namespace
  std::string name;
  std::string runtime_name;  // as its JVM calls it; "" = it is no Java thread, or that is not known
  char state = '?';
  double user_cpu_seconds = 0, system_cpu_seconds = 0;
  std::optional<double> cpu_cores;  // between the two readings
  uint64_t voluntary_switches = 0, involuntary_switches = 0;
  std::optional<bool> switched;     // whether it was given a CPU between them; only where run time is counted in ticks
  std::optional<double> run_delay;  // seconds per second waiting for a CPU, between the readings
  double age_seconds = 0;
  int nice = 0, priority = 0, last_cpu = -1;
  std::string scheduler;
  std::string wchan;                             // "" or "0" when running or hidden
  Part<BlockedCall> call;                        // error "running" (kUnsupported) when on a CPU
  Part<std::vector<std::string>> kernel_frames;  // innermost first: "futex_wait_queue+0x68"
  std::optional<FutexMemory> futex;
};

struct Frame {
  uint64_t pc = 0;
  std::string module;          // path in the target's mount namespace, "[vdso]", "" = no mapping
  std::string build_id;        // hex
  uint64_t module_offset = 0;  // address as in the ELF file (pc - load bias)
  std::string symbol;          // demangled; "" = unknown
  uint64_t symbol_offset = 0;
  std::string unknown_reason;  // why symbol is empty
  std::string found_by;        // registers|cfi|frame-pointer|signal-frame|leaf|scan|go|libdw|python
  std::string file;            // as the compiler recorded it; "" = unknown
  int line = 0;
  bool inlined = false;         // into the next frame, whose pc it has
  bool return_address = false;  // the call is before pc; archives of version 0.1.0 and before do not tell
};

struct Stack {
  std::vector<uint32_t> frames;  // indices into Stacks::frames, innermost first
  std::string end;               // root|limit|no-unwind-info|bad-memory|other-stack
  // Python frames that could not be put in their places among the others, innermost first, and why.
  std::vector<uint32_t> python_frames{};
  std::string python_note{};
};

struct ThreadStack {
  int tid = 0;
  std::string read_by;            // no-stop|ptrace|proc
  std::optional<uint32_t> stack;  // index into Stacks::stacks
  double pause_us = 0;            // 0 when it was not stopped
  bool interrupted_call = false;  // its system call returned EINTR because of us
  std::string note;               // why there is no stack, or what is special ("thread was born during the attach")
};

// ARCHIVE.md "pause".
struct Pause {
  std::string mode;  // auto|consistent|no-stop|kernel|none: what was done, which may be gentler than asked
  std::string asked;
  std::string why_gentler;  // "" when mode == asked
  int64_t budget_us = 0, stop_us = 0, worst_thread_us = 0;
  int threads_stopped = 0, threads_read_without_stop = 0, syscalls_interrupted = 0;
};

struct Stacks {
  Pause pause;
  std::vector<Frame> frames;
  std::vector<Stack> stacks;
  std::vector<ThreadStack> threads;
  uint64_t unresolved_frames = 0, total_frames = 0;  // over all threads
};

}  // namespace ec
