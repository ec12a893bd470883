// The notes of an ELF core file: threads with their registers, the signal, the process, its mapped files. Sources:
// core(5), Linux fs/binfmt_elf.c and include/uapi/linux/elfcore.h, x86-64 layouts. Pure: bytes in, values out; a core
// is a file from anywhere, so nothing in it is believed without a check.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collector/proc/auxv.h"
#include "collector/target/registers.h"
#include "collector/target/task_syscall.h"

namespace ec {

// siginfo_t, sigaction(2).
struct CoreSignal {
  int number = 0, code = 0;
  uint64_t address = 0;  // SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP: what faulted
  int sender_pid = 0;    // of kill(2) and its like
  uint32_t sender_uid = 0;
};

struct CoreThread {
  int tid = 0;
  int signal = 0;  // pr_cursig, 0 = none
  Registers registers;
  int64_t system_call = -1;  // orig_rax: the call it is in, -1 = in none
  uint64_t flags = 0, fs_base = 0, gs_base = 0;
  uint64_t signals_pending = 0, signals_blocked = 0;
  double user_cpu_seconds = 0, system_cpu_seconds = 0;
  std::optional<CoreSignal> signal_info;  // a kernel writes that of the first thread, gcore that of each
};

struct CoreProcess {
  int pid = 0, ppid = 0, pgid = 0, sid = 0, nice = 0;
  uint32_t uid = 0, gid = 0;
  char state = '?';
  std::string comm;       // at most 15 bytes
  std::string arguments;  // at most 79 bytes, separated by spaces
};

struct CoreMappedFile {
  uint64_t begin = 0, end = 0, offset = 0;
  std::string path;  // as in /proc/PID/maps, " (deleted)" included
};

struct CoreNotes {
  std::vector<CoreThread> threads;  // as written: a kernel writes the thread that got the signal first
  std::optional<CoreProcess> process;
  Auxv auxv;
  std::vector<CoreMappedFile> files;
  // A debugger wrote it, of a process that it had stopped: it leaves the parent of each thread out, a kernel does not.
  bool by_debugger = false;
  std::vector<std::string> problems;  // notes that could not be understood, and an end that came too early
};

CoreNotes parse_core_notes(std::string_view bytes);

// The system call that a thread was blocked in; running when it was in none.
TaskSyscall blocked_call(const CoreThread& thread);

}  // namespace ec
