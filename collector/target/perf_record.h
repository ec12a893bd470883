// Records of the kernel's ring buffer for performance events, perf_event_open(2) "MMAP layout", as perf_events.h asks
// for them. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "collector/base/error.h"
#include "collector/target/registers.h"

namespace ec {

// What every sample holds: PERF_SAMPLE_TID, _TIME, of page faults _ADDR, else _PERIOD, with kernel frames _CALLCHAIN,
// _REGS_USER, _STACK_USER.
struct PerfSampleForm {
  bool address = false, callchain = false;
};
constexpr uint64_t kSampledRegisters = 0xff01ff;  // asm/perf_regs.h: ax to ip, r8 to r15

struct PerfSample {
  int32_t pid = 0, tid = 0;  // as our PID namespace numbers them; -1, 0 = not visible in it
  uint64_t time_ns = 0;      // CLOCK_MONOTONIC
  uint64_t address = 0;      // of a page fault: what was touched
  uint64_t period = 0;       // nanoseconds or cycles since the sample before; 0 in the record of a page fault
  std::vector<uint64_t>
      kernel_frames{};     // innermost first; empty: it ran in user space, or kernel frames were not asked for
  Registers registers{};   // those of user space; without program counter: there is none, or it is no 64-bit code
  StackBytes stack{};      // from the stack pointer; refers to the record
  bool stack_cut = false;  // all of the room for it was used: it may go on
};
struct PerfLost {
  uint64_t records = 0;
};
struct PerfFork {  // of a process or thread that counts, which the new one then does too
  int32_t pid = 0, tid = 0;
};
struct PerfExit {
  int32_t pid = 0, tid = 0;
};
struct PerfMapped {};  // code was mapped
using PerfRecord = std::variant<std::monostate, PerfSample, PerfLost, PerfFork, PerfExit, PerfMapped>;

// `type` and `body` (without its header) of one record. monostate: one of no interest. Errors: malformed.
Result<PerfRecord> parse_perf_record(uint32_t type, std::string_view body, PerfSampleForm form);

}  // namespace ec
