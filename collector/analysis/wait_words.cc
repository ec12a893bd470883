#include "collector/analysis/wait_words.h"

#include <fmt/format.h>

#include <algorithm>

#include "collector/analysis/java_waits.h"
#include "collector/analysis/words.h"
#include "collector/base/text.h"

namespace ec {

std::string_view object_kind(const WaitObject& object) {
  bool rwlock = object.kind == WaitKind::kRwlockRead || object.kind == WaitKind::kRwlockWrite;
  return rwlock ? "read-write lock" : to_string(object.kind);
}

std::string object_words(const WaitObject& object) {
  std::string name = object.symbol.empty() ? "" : " " + in_sentence(object.symbol, 80);
  return fmt::format("{}{} at {:#x}", object_kind(object), name, object.address);
}

std::string spoken_thread(const ThreadIndex& index, int tid) {
  auto* thread = index.thread(tid);
  return thread ? in_sentence(thread_name(*thread), 60) : fmt::format("tid {}", tid);
}

namespace {

std::string in_function(const ThreadIndex& index, int tid) {
  std::string function = in_sentence(program_function(index, tid), 100);
  return function.empty() ? "" : fmt::format(", in {},", function);
}

// What an owner does with the object.
std::string_view holds(const WaitObject& object) { return object.inferred ? "seems to run" : "holds"; }

std::string current_work(const ThreadIndex& index, const WaitGraph& graph, int tid) {
  auto* thread = index.thread(tid);
  if (!thread) return "does something that is not known";
  // A futex address says nothing to anybody: what it waits on does.
  const Wait* wait = graph.wait_of(tid);
  // What the JVM waits on in futex(2) for a Java thread that sleeps says less than that it sleeps.
  if (auto words = java_doing(index, tid); !words.empty() && !(wait && wait->by_runtime)) return words;
  if (auto* object = graph.object_of(tid); object && object->kind != WaitKind::kUnknown)
    return fmt::format("waits for the {}", object_words(*object));
  return in_sentence(doing(*thread), 160);
}

}  // namespace

std::string wait_words(const ThreadIndex& index, const WaitGraph& graph, const Wait& wait) {
  auto* object = graph.object_of(wait.waiter);
  std::string what;
  if (wait.kind == WaitKind::kJoin)
    what = fmt::format("the end of {}", spoken_thread(index, wait.owner));
  else
    what = fmt::format("the {} that {} {}", object ? object_words(*object) : "lock",
                       wait.owner == wait.waiter ? "it already" : spoken_thread(index, wait.owner),
                       wait.inferred ? "seems to run" : "holds");
  return fmt::format("{}{} waits for {}", spoken_thread(index, wait.waiter), in_function(index, wait.waiter), what);
}

std::string why_no_owner(const WaitObject& object) {
  if (object.owner != 0) return "";
  if (object.readers > 0)
    return fmt::format("{} it, which ones is not written anywhere",
                       object.readers == 1 ? "1 reader holds" : fmt::format("{} readers hold", object.readers));
  if (object.kind == WaitKind::kJavaLock)
    return "who holds it is not in the thread dump: the JVM would walk its heap for it";
  if (object.kind == WaitKind::kJavaMonitor) return "at the moment of the thread dump nobody had it";
  if (object.kind == WaitKind::kPythonLock)
    return "who holds it is not known, for a Python lock does not record its owner";
  if (is_lock(object.kind)) return "who holds it is not written in memory";
  if (object.kind == WaitKind::kUnknown) return "what this word is for is not known";
  return fmt::format("a {} has no owner", to_string(object.kind));
}

std::string holder_words(const ThreadIndex& index, const WaitGraph& graph, const WaitObject& object) {
  if (object.owner == 0) return why_no_owner(object);
  std::string function = in_sentence(program_function(index, object.owner), 100);
  std::string words = fmt::format("{} {} it{}{} and {}", spoken_thread(index, object.owner), holds(object),
                                  function.empty() ? "" : ", in ", function, current_work(index, graph, object.owner));
  // Along the chain to its end; in a circle there is none.
  int end = object.owner;
  size_t steps = 0;
  for (const Wait* wait = graph.wait_of(end); wait && wait->owner != 0 && steps <= graph.waits.size(); ++steps)
    end = wait->owner, wait = graph.wait_of(end);
  if (steps == 0 || steps > graph.waits.size()) return words;
  std::string last = in_sentence(program_function(index, end), 100);
  return words + fmt::format("; {} {}{}, which {}",
                             steps == 1 ? "that one is held by"
                                        : fmt::format("at the end of this chain of {} locks stands", steps + 1),
                             spoken_thread(index, end), last.empty() ? "" : fmt::format(", in {}", last),
                             current_work(index, graph, end));
}

Evidence wait_evidence(const ThreadIndex& index, const Wait& wait, size_t waiters) {
  if (auto* java = wait.by_runtime ? index.java_thread(wait.waiter) : nullptr)
    return {"raw/jvm/threaddump.txt", fmt::format("\"{}\"", printable_line(java->name, 100)), java_wait_line(*java)};
  // Sections of the bundle are named TID/ADDRESS.
  std::string section = fmt::format("section {}/{:x}", wait.waiter, wait.futex);
  if (waiters > 1) return {"raw/futex.bundle", section, fmt::format("{} waiters on {:#x}", waiters, wait.object)};
  return {"raw/futex.bundle", section,
          fmt::format("tid {} waits on {:#x} ({}), owner tid {}", wait.waiter, wait.object, to_string(wait.kind),
                      wait.owner)};
}

Evidence stack_evidence(const ThreadIndex& index, int tid) {
  return {index.java_thread(tid) ? "threads/java.txt" : "threads/stacks.txt", fmt::format("tid {}", tid),
          program_function(index, tid)};
}

CycleVerdict judge(const ThreadIndex& index, const WaitGraph& graph, const std::vector<int>& cycle) {
  // A monitor is waited for as long as it takes, and all of this is of one moment. That such threads wake up now and
  // then to look at it again (ObjectMonitor::EnterI) changes nothing.
  if (std::all_of(cycle.begin(), cycle.end(), [&](int tid) {
        const Wait* wait = graph.wait_of(tid);
        return wait && wait->by_runtime && !wait->timed;
      }))
    return CycleVerdict::kDeadlock;
  auto still = stood_still(index, cycle);
  if (still && !*still) return CycleVerdict::kContended;
  bool sure = still.has_value();
  for (int tid : cycle)
    if (auto* wait = graph.wait_of(tid)) sure &= !wait->timed && !wait->inferred;
  return sure ? CycleVerdict::kDeadlock : CycleVerdict::kSuspect;
}

}  // namespace ec
