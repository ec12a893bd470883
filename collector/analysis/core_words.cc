#include "collector/analysis/core_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "collector/analysis/thread_words.h"
#include "collector/analysis/words.h"
#include "collector/base/text.h"
#include "collector/proc/signals.h"

namespace ec {

namespace {

constexpr uint64_t kNearNull = 65536, kNearStack = 256 * 1024;
constexpr size_t kMostFrames = 256;

std::string spoken_thread(const Snapshot& snapshot) {
  const Thread* thread = ThreadIndex(snapshot).thread(snapshot.core->tid);
  std::string name = thread ? in_sentence(thread->name, 32) : "";
  return name.empty() ? fmt::format("thread {}", snapshot.core->tid)
                      : fmt::format("thread {} `{}`", snapshot.core->tid, name);
}

// si_code, sigaction(2).
std::string_view code_words(int signal, int code) {
  struct Words {
    int signal, code;
    std::string_view words;
  };
  static constexpr std::array<Words, 17> kWords{{{SIGTRAP, TRAP_BRKPT, "a breakpoint"},
                                                 {SIGTRAP, TRAP_TRACE, "a single step"},
                                                 {SIGTRAP, TRAP_HWBKPT, "a breakpoint or watchpoint of the processor"},
                                                 {SIGFPE, FPE_INTDIV, "integer divided by zero"},
                                                 {SIGFPE, FPE_INTOVF, "integer overflow"},
                                                 {SIGFPE, FPE_FLTDIV, "floating-point number divided by zero"},
                                                 {SIGFPE, FPE_FLTOVF, "floating-point overflow"},
                                                 {SIGFPE, FPE_FLTUND, "floating-point underflow"},
                                                 {SIGFPE, FPE_FLTRES, "inexact floating-point result"},
                                                 {SIGFPE, FPE_FLTINV, "invalid floating-point operation"},
                                                 {SIGILL, ILL_ILLOPC, "unknown instruction"},
                                                 {SIGILL, ILL_ILLOPN, "illegal operand"},
                                                 {SIGILL, ILL_PRVOPC, "privileged instruction"},
                                                 {SIGBUS, BUS_ADRALN, "misaligned address"},
                                                 {SIGBUS, BUS_ADRERR,
                                                  "no storage behind the address (a file that became "
                                                  "shorter, or a full file system)"},
                                                 {SIGBUS, BUS_OBJERR, "an error of the hardware"},
                                                 {SIGSYS, 1, "a system call that seccomp forbids"}}};
  for (const Words& each : kWords)
    if (each.signal == signal && each.code == code) return each.words;
  return {};
}

std::string_view access_words(const CoreFacts& core) {
  if (core.reg("rip") == core.address) return "executed";
  switch (memory_access(core.instruction)) {
    case MemoryAccess::kRead:
      return "read";
    case MemoryAccess::kWrite:
      return "written";
    case MemoryAccess::kUnknown:
      return "accessed";
  }
  return "accessed";
}

std::string fault_words(const Snapshot& snapshot) {
  const CoreFacts& core = *snapshot.core;
  std::string thread = spoken_thread(snapshot);
  // A general protection fault tells no address: mostly one that no address space can have.
  if (core.signal_code == SI_KERNEL)
    return fmt::format("an impossible address (not canonical; the processor does not tell it) {} by {}",
                       access_words(core), thread);
  std::string_view why = core.signal_code == SEGV_MAPERR ? "not mapped"
                         : core.address_mapping.empty()  ? "not allowed"
                                                         : std::string_view();
  std::string allowed = core.address_mapping.substr(0, 3);
  std::string words =
      why.empty() ? fmt::format("not allowed (its mapping is {})", in_sentence(allowed, 8)) : std::string(why);
  return fmt::format("address {:#x} {}, {} by {}", core.address, words, access_words(core), thread);
}

bool used_up_stack(const CoreFacts& core) {
  if (core.signal != SIGSEGV || !core.has_details || core.signal_code == SI_KERNEL) return false;
  uint64_t sp = core.reg("rsp").value_or(0);
  bool near = core.address >= sp - std::min(sp, kNearStack) && core.address - std::min(core.address, sp) <= kNearStack;
  return sp > kNearNull && near && !core.address_mapping.starts_with("rw");
}

}  // namespace

// Intel SDM volume 2, appendix A. The destination is the memory operand where the opcode says so, or the register.
MemoryAccess memory_access(std::string_view instruction) {
  auto byte = [&](size_t at) { return at < instruction.size() ? static_cast<uint8_t>(instruction[at]) : uint8_t{0}; };
  size_t at = 0;
  auto is_prefix = [](uint8_t b) {
    return b == 0x66 || b == 0xf2 || b == 0xf3 || b == 0xf0 || b == 0x64 || b == 0x65 || b == 0x2e || b == 0x3e;
  };
  while (at < 8 && is_prefix(byte(at))) ++at;
  if ((byte(at) & 0xf0) == 0x40) ++at;  // REX
  if (at >= instruction.size()) return MemoryAccess::kUnknown;
  uint8_t opcode = byte(at), kind = static_cast<uint8_t>((byte(at + 1) >> 3) & 7);
  if (opcode < 0x40 && (opcode & 7) < 4) {  // add, or, adc, sbb, and, sub, xor, cmp
    bool compares = (opcode & 0x38) == 0x38, to_register = (opcode & 2) != 0;
    return compares || to_register ? MemoryAccess::kRead : MemoryAccess::kWrite;
  }
  switch (opcode) {
    case 0x88:
    case 0x89:
    case 0xc6:
    case 0xc7:  // mov to memory
    case 0x86:
    case 0x87:  // xchg
    case 0xaa:
    case 0xab:
    case 0xa4:
    case 0xa5:  // stos, movs
      return MemoryAccess::kWrite;
    case 0x8a:
    case 0x8b:
    case 0x63:
    case 0x84:
    case 0x85:
    case 0x69:
    case 0x6b:
    case 0xac:
    case 0xad:
    case 0xa6:
    case 0xa7:
      return MemoryAccess::kRead;
    case 0x80:
    case 0x81:
    case 0x83:
      return kind == 7 ? MemoryAccess::kRead : MemoryAccess::kWrite;
    case 0xf6:
    case 0xf7:  // test, not, neg, mul, div
      return kind == 2 || kind == 3 ? MemoryAccess::kWrite : MemoryAccess::kRead;
    case 0xfe:
    case 0xff:  // inc and dec write; call, jmp and push read where to go, or what to push
      return kind < 2 ? MemoryAccess::kWrite : MemoryAccess::kRead;
    case 0x0f: {
      uint8_t second = byte(at + 1);
      bool reads = second == 0x10 || second == 0x12 || second == 0x16 || second == 0x28 || second == 0x6f ||
                   second == 0xb6 || second == 0xb7 || second == 0xbe || second == 0xbf || (second & 0xf0) == 0x40;
      bool writes = second == 0x11 || second == 0x13 || second == 0x17 || second == 0x29 || second == 0x7f ||
                    second == 0xb0 || second == 0xb1 || second == 0xc0 || second == 0xc1;
      return reads ? MemoryAccess::kRead : writes ? MemoryAccess::kWrite : MemoryAccess::kUnknown;
    }
    default:
      return MemoryAccess::kUnknown;
  }
}

bool ended_by_signal(const CoreFacts& core) {
  if (core.signal <= 0 || core.signal == SIGSTOP || core.signal == SIGCONT) return false;
  // At a breakpoint of its own a debugger finds the same signal and the same code as after a crash by int3.
  return core.signal != SIGTRAP || !core.by_debugger;
}

std::string signal_words(const Snapshot& snapshot) {
  const CoreFacts& core = *snapshot.core;
  if (!ended_by_signal(core)) return "no signal: a debugger wrote the core of the live process";
  std::string name = signal_name(core.signal);
  if (!core.has_details) return fmt::format("{}, got by {}", name, spoken_thread(snapshot));
  bool sent = core.signal_code == SI_USER || core.signal_code == SI_TKILL || core.signal_code == SI_QUEUE;
  if (sent && core.sender_pid == snapshot.target.pid)
    return fmt::format("{}, raised by {} itself", name, spoken_thread(snapshot));
  if (sent && core.sender_pid > 0)
    return fmt::format("{}, sent by process {} of user {}", name, core.sender_pid, core.sender_uid);
  if (core.signal == SIGSEGV) return fmt::format("{}: {}", name, fault_words(snapshot));
  // The kernel tells no address for int3, which is one byte long and lies before the program counter.
  if (core.signal == SIGTRAP && core.signal_code == SI_KERNEL)
    return fmt::format("{}: a breakpoint instruction without a debugger, at address {:#x} by {}", name,
                       core.reg("rip").value_or(1) - 1, spoken_thread(snapshot));
  std::string_view words = code_words(core.signal, core.signal_code);
  if (words.empty()) return fmt::format("{}, got by {}", name, spoken_thread(snapshot));
  return fmt::format("{}: {}, at address {:#x} by {}", name, words, core.address, spoken_thread(snapshot));
}

std::string cause_words(const Snapshot& snapshot) {
  const CoreFacts& core = *snapshot.core;
  if (used_up_stack(core))
    return "the stack of the thread is used up: it called too deep, or a function needs too much of it";
  if (core.signal == SIGSEGV && core.has_details && core.reg("rip") == core.address)
    return "it went to where there is no code: a pointer to a function was null or damaged, or the stack was";
  if (core.signal == SIGSEGV && core.has_details && core.signal_code == SEGV_MAPERR && core.address < kNearNull)
    return core.address == 0 ? "a null pointer was used" : "a null pointer was used, with an offset from it";
  if (core.signal == SIGTRAP && core.has_details && core.signal_code == SI_KERNEL)
    return "the program stopped itself: failed checks of GLib, Chromium and Go's runtime end in int3";
  if (core.signal == SIGILL && core.instruction.starts_with("\x0f\x0b"))
    return "the program stopped itself with ud2: __builtin_trap(), a failed check, or code that is never to be reached";
  if (core.signal != SIGABRT) return {};
  struct Sign {
    std::string_view function, words;
  };
  static constexpr std::array<Sign, 12> kSigns{
      {{"runtime.panicmem", "a nil pointer was used, or memory that is not there"},
       {"runtime.gopanic", "a panic that nobody recovered from"},
       {"runtime.throw", "the Go runtime found a fatal error"},
       {"runtime.fatal", "the Go runtime found a fatal error"},
       {"runtime.dieFromSignal", "the Go runtime ended the program"},
       {"__cxa_throw", "an exception was thrown that nobody caught"},
       {"__cxa_rethrow", "an exception was thrown that nobody caught"},
       {"std::terminate", "std::terminate() was called"},
       {"__assert_fail", "an assertion failed"},
       {"__stack_chk_fail", "a function wrote behind its local variables"},
       {"__fortify_fail", "a check for buffer overflow failed"},
       {"malloc_printerr", "malloc found its heap damaged"}}};
  ThreadIndex index(snapshot);
  const Stack* stack = index.stack(core.tid);
  for (const Sign& sign : kSigns)
    for (size_t i = 0; stack && i < std::min(stack->frames.size(), kMostFrames); ++i)
      if (const Frame* frame = index.frame(stack->frames[i]);
          frame && frame->symbol.find(sign.function) != std::string::npos)
        return std::string(sign.words);
  return "abort() was called";
}

}  // namespace ec
