#include "collector/analysis/thread_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "collector/analysis/function_name.h"
#include "collector/analysis/java_groups.h"
#include "collector/base/text.h"

namespace ec {

ThreadIndex::ThreadIndex(const Snapshot& snapshot) : snapshot_(snapshot) {
  if (snapshot.threads) {
    threads_.reserve(snapshot.threads->size());
    for (size_t i = 0; i < snapshot.threads->size(); ++i) threads_.emplace((*snapshot.threads)[i].tid, i);
  }
  if (snapshot.stacks) {
    stacks_.reserve(snapshot.stacks->threads.size());
    for (size_t i = 0; i < snapshot.stacks->threads.size(); ++i) stacks_.emplace(snapshot.stacks->threads[i].tid, i);
  }
  if (snapshot.jvm)
    for (size_t i = 0; i < std::min(snapshot.jvm->tids.size(), snapshot.jvm->dump.threads.size()); ++i)
      if (snapshot.jvm->tids[i] != 0) java_threads_.emplace(snapshot.jvm->tids[i], i);
}

const JvmThread* ThreadIndex::java_thread(int tid) const {
  auto found = java_threads_.find(tid);
  return found == java_threads_.end() ? nullptr : &snapshot_.jvm->dump.threads[found->second];
}

const Thread* ThreadIndex::thread(int tid) const {
  auto found = threads_.find(tid);
  return found == threads_.end() ? nullptr : &(*snapshot_.threads)[found->second];
}

const ThreadStack* ThreadIndex::thread_stack(int tid) const {
  auto found = stacks_.find(tid);
  return found == stacks_.end() ? nullptr : &snapshot_.stacks->threads[found->second];
}

const Stack* ThreadIndex::stack(int tid) const {
  auto* entry = thread_stack(tid);
  if (!entry || !entry->stack || *entry->stack >= snapshot_.stacks->stacks.size()) return nullptr;
  return &snapshot_.stacks->stacks[*entry->stack];
}

const Frame* ThreadIndex::frame(uint32_t index) const {
  if (!snapshot_.stacks || index >= snapshot_.stacks->frames.size()) return nullptr;
  return &snapshot_.stacks->frames[index];
}

std::string frame_name(const Frame& frame, size_t limit) {
  if (frame.found_by == "python") {
    std::string_view file = frame.file;
    file.remove_prefix(file.rfind('/') + 1);  // npos + 1 == 0
    return printable_line(fmt::format("{} ({}:{})", frame.symbol, file, frame.line), limit);
  }
  if (!frame.symbol.empty()) return printable_line(frame.symbol, limit);
  if (frame.module.empty()) return fmt::format("{:#x}", frame.pc);
  std::string_view module = frame.module;
  module.remove_prefix(module.rfind('/') + 1);  // npos + 1 == 0
  return fmt::format("{}+{:#x}", printable_line(module, limit), frame.module_offset);
}

namespace {

bool starts_with_any(std::string_view text, const auto& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return text.starts_with(prefix); });
}

// The C library, the dynamic linker and the C++ library: what is on top of nearly every blocked stack.
bool is_runtime_module(std::string_view module) {
  module.remove_prefix(module.rfind('/') + 1);
  static constexpr std::array<std::string_view, 8> kRuntime{"libc.so", "libc-2",       "libpthread", "ld-linux",
                                                            "ld-musl", "libstdc++.so", "libc++.so",  "[vdso]"};
  return starts_with_any(module, kRuntime);
}

// The same functions when they are linked statically, and the inline wrappers that become functions in debug builds.
bool is_wrapper(std::string_view symbol) {
  static constexpr std::array<std::string_view, 27> kWrappers{"__lll_lock",
                                                              "__futex_",
                                                              "futex_",
                                                              "pthread_mutex_",
                                                              "__pthread_mutex",
                                                              "___pthread_mutex",
                                                              "pthread_cond_",
                                                              "__pthread_cond",
                                                              "___pthread_cond",
                                                              "pthread_rwlock",
                                                              "__pthread_rwlock",
                                                              "___pthread_rwlock",
                                                              "__gthread_",
                                                              "std::mutex::",
                                                              "std::lock_guard",
                                                              "std::unique_lock",
                                                              "std::timed_mutex::",
                                                              "std::recursive_mutex::",
                                                              "std::condition_variable",
                                                              "std::shared_mutex",
                                                              "__internal_syscall_cancel",
                                                              "__syscall_cancel",
                                                              "syscall",
                                                              "__GI_",
                                                              "clock_nanosleep",
                                                              "std::this_thread::",
                                                              "std::thread::join"};
  // Of Rust's library, mangled (v0) or not.
  if (symbol.starts_with("_RN")) return symbol.find("3std3sys") != std::string_view::npos;
  return starts_with_any(symbol, kWrappers) || symbol.starts_with("std::sys::") || symbol.starts_with("<std::sys::") ||
         symbol.starts_with("std::sync::") || symbol.starts_with("<std::sync::");
}

}  // namespace

std::string spoken_frame(const Frame& frame) {
  if (frame.symbol.empty() || frame.found_by == "python") return frame_name(frame);
  return printable_line(spoken_name(frame.symbol), 100);
}

std::string short_frame(const Frame& frame) {
  constexpr std::string_view kUnnamed = "(anonymous namespace)::";
  std::string name = spoken_frame(frame);
  for (size_t at = name.find(kUnnamed); at != std::string::npos; at = name.find(kUnnamed))
    name.erase(at, kUnnamed.size());
  return name;
}

std::string top_function(const ThreadIndex& index, int tid) {
  const Stack* stack = index.stack(tid);
  if (!stack || stack->frames.empty()) return "";
  const Frame* frame = index.frame(stack->frames.front());
  return frame ? spoken_frame(*frame) : "";
}

const Frame* python_frame(const ThreadIndex& index, int tid) {
  const Stack* stack = index.stack(tid);
  if (!stack) return nullptr;
  for (auto* frames : {&stack->frames, &stack->python_frames})
    for (uint32_t number : *frames)
      if (auto* frame = index.frame(number); frame && frame->found_by == "python") return frame;
  return nullptr;
}

std::string program_function(const ThreadIndex& index, int tid) {
  if (auto* java = index.java_thread(tid))
    if (auto* frame = java_program_frame(index.java_dump(), *java)) return java_frame_words(*frame);
  const Stack* stack = index.stack(tid);
  if (!stack) return "";
  if (auto* frame = python_frame(index, tid)) return spoken_frame(*frame);
  std::string first;
  for (uint32_t number : stack->frames) {
    const Frame* frame = index.frame(number);
    if (!frame) continue;
    bool known = !frame->symbol.empty();
    if (first.empty() && known) first = spoken_frame(*frame);
    if (known && !is_runtime_module(frame->module) && !is_wrapper(frame->symbol)) return spoken_frame(*frame);
  }
  return first.empty() ? top_function(index, tid) : first;
}

std::string thread_name(const Thread& thread) {
  const std::string& name = thread.runtime_name.empty() ? thread.name : thread.runtime_name;
  return fmt::format("{} (tid {})", name.empty() ? "thread" : printable_line(name, 48), thread.tid);
}

std::string java_doing(const ThreadIndex& index, int tid) {
  auto* java = index.java_thread(tid);
  if (!java || java->state.empty() || java->state.starts_with("RUNNABLE")) return {};
  return "is " + printable_line(java->state, 60);
}

std::string doing(const ThreadIndex& index, const Thread& thread) {
  std::string java = java_doing(index, thread.tid);
  return java.empty() ? doing(thread) : java;
}

bool moved_between(const ThreadIndex& index, const Thread& thread) {
  const Stack* stack = index.stack(thread.tid);
  const ThreadStack* entry = index.thread_stack(thread.tid);
  if (!entry || entry->read_by == "core" || !stack || stack->frames.empty()) return false;
  if (thread.state == 'R') return entry->read_by == "no-stop";  // which only those that wait can be
  if (!thread.call || thread.call->program_counter == 0) return false;
  const Frame* innermost = index.frame(stack->frames.front());
  if (!innermost || innermost->pc == 0) return false;
  // A call that begins again stands before its instruction of two bytes (x86-64; four on aarch64).
  return thread.call->program_counter - innermost->pc > 4;
}

std::string doing_at_stack(const ThreadIndex& index, const Thread& thread) {
  if (!moved_between(index, thread)) return doing(thread);
  if (thread.state == 'R') return "waited when its stack was read; a moment before it ran";
  std::string call = printable_line(thread.call->name, 60);
  return fmt::format("ran when its stack was read; a moment before it waited in {}",
                     call.empty() ? "the kernel" : call);
}

std::string doing(const Thread& thread) {
  std::string_view wchan = thread.wchan == "0" ? std::string_view{} : std::string_view(thread.wchan);
  // Of a stopped or ended thread, what /proc shows as a system call is none.
  bool in_call = thread.call && thread.state != 'T' && thread.state != 't' && thread.state != 'Z';
  if (in_call && !thread.call->text.empty()) return "waits in " + printable_line(thread.call->text, 160);
  if (in_call && !thread.call->name.empty()) return "waits in " + printable_line(thread.call->name, 60);
  switch (thread.state) {
    case 'R':
      return "runs";
    case 'D':
      return wchan.empty() ? "is in an uninterruptible wait"
                           : fmt::format("is in an uninterruptible wait ({})", printable_line(wchan, 60));
    case 'T':
      return "is stopped";
    case 't':
      return "is stopped by a tracer";
    case 'Z':
      return "has ended";
    default:
      return wchan.empty() ? "sleeps" : fmt::format("sleeps in {}", printable_line(wchan, 60));
  }
}

std::vector<ThreadGroup> group_threads(const Snapshot& snapshot, const ThreadIndex& index) {
  std::vector<ThreadGroup> groups;
  if (!snapshot.threads) return groups;
  // Without a user stack the wait channel tells threads apart.
  std::map<std::tuple<const Stack*, char, std::string_view, std::string_view, bool>, size_t> by_key;
  for (auto& thread : *snapshot.threads) {
    const Stack* stack = index.stack(thread.tid);
    std::string_view call = thread.call ? std::string_view(thread.call->name) : std::string_view{};
    std::string_view wchan = stack ? std::string_view{} : std::string_view(thread.wchan);
    auto [found, fresh] =
        by_key.try_emplace({stack, thread.state, call, wchan, moved_between(index, thread)}, groups.size());
    if (fresh) groups.push_back({{}, stack, &thread});
    groups[found->second].tids.push_back(thread.tid);
  }
  for (auto& group : groups) std::sort(group.tids.begin(), group.tids.end());
  // Of a core, what the thread did that got the signal is what everybody looks for.
  int first = snapshot.core ? snapshot.core->tid : 0;
  auto holds_first = [first](const ThreadGroup& group) {
    return first != 0 && std::binary_search(group.tids.begin(), group.tids.end(), first);
  };
  std::sort(groups.begin(), groups.end(), [&](const ThreadGroup& a, const ThreadGroup& b) {
    if (bool a_first = holds_first(a); a_first != holds_first(b)) return a_first;
    return a.tids.size() != b.tids.size() ? a.tids.size() > b.tids.size() : a.tids.front() < b.tids.front();
  });
  return groups;
}

}  // namespace ec
