#include "collector/collectors/process_wait.h"

#include "collector/base/text.h"
#include "collector/collectors/process_files.h"
#include "collector/collectors/syscalls.h"
#include "collector/proc/pid_stat.h"
#include "collector/proc/pid_status.h"
#include "collector/proc/signals.h"
#include "collector/target/task_syscall.h"

namespace ec {

namespace {

std::string read_word(const RawStore& store, int pid, std::string_view name) {
  auto text = store.read("raw/" + process_path(pid, name));
  return text ? std::string(trim(*text)) : std::string{};
}

// As waitpid(2) codes it. 0 is not shown: it is also what a reader without permission gets.
std::string end_words(int code) {
  int signal = code & 0x7f;
  if (signal != 0)
    return fmt::format(": killed by {}{}", signal_name(signal), (code & 0x80) != 0 ? " (core dumped)" : "");
  if (code != 0) return fmt::format(": exited with status {}", code >> 8 & 0xff);
  return "";
}

std::string blocked_in(const RawStore& store, int pid) {
  std::string wchan = read_word(store, pid, "wchan");
  if (wchan == "0") wchan.clear();
  std::string text = read_word(store, pid, "syscall"), machine = read_word(store, pid, "machine");
  auto call = parse_task_syscall("syscall", text);
  std::string name;
  if (call && !call->running && call->number >= 0) {
    name = syscall_name(machine, call->number);
    if (name.empty()) name = fmt::format("system call {}", call->number);
  } else if (call && !call->running && call->program_counter != 0) {
    name = "a page fault or signal";
  }
  if (!name.empty() && !wchan.empty()) return fmt::format(" in {} ({})", name, wchan);
  if (!name.empty()) return " in " + name;
  return wchan.empty() ? "" : " in the kernel at " + wchan;
}

std::string tracer_words(const RawStore& store, int pid) {
  auto text = store.read("raw/" + process_path(pid, "status"));
  auto status = text ? parse_pid_status("status", *text) : tl::unexpected(text.error());
  return status && status->tracer_pid != 0 ? fmt::format(" by process {}", status->tracer_pid) : "";
}

}  // namespace

std::string wait_summary(const RawStore& store, int pid) {
  auto text = store.read("raw/" + process_path(pid, "stat"));
  if (!text) return "";
  auto stat = parse_pid_stat("stat", *text);
  if (!stat) return "";
  switch (stat->state) {
    case 'R':
      return stat->last_cpu >= 0 ? fmt::format("running, last on CPU {}", stat->last_cpu) : "running";
    case 'S':
      return "sleeping" + blocked_in(store, pid);
    case 'D':
      return "in uninterruptible sleep" + blocked_in(store, pid);
    case 'I':
      return "idle kernel thread";
    case 'T':
      return "stopped by a signal";
    case 't':
      return "stopped by a tracer" + tracer_words(store, pid);
    case 'Z':
    case 'X':
      // A leader whose other threads go on looks the same.
      if (stat->threads > 1)
        return fmt::format("the main thread has ended, {} {} left", stat->threads - 1,
                           stat->threads == 2 ? "thread is" : "threads are");
      return fmt::format("zombie{}, not yet collected by its parent {}", end_words(stat->exit_code), stat->ppid);
    default:
      return fmt::format("state {}", stat->state);
  }
}

}  // namespace ec
