#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <utility>

#include "collector/analysis/java_groups.h"
#include "collector/analysis/java_waits.h"
#include "collector/analysis/words.h"
#include "collector/report/derived.h"
#include "collector/report/json_text.h"
#include "collector/report/text_layout.h"

namespace ec::derived {

namespace {

using Out = std::back_insert_iterator<std::string>;

std::string_view use_word(JvmLockUse use) {
  switch (use) {
    case JvmLockUse::kLocked:
      return "locked";
    case JvmLockUse::kWaitingToLock:
      return "waiting to lock";
    case JvmLockUse::kWaitingOn:
      return "waiting on";
    case JvmLockUse::kWaitingToRelock:
      return "waiting to re-lock";
    case JvmLockUse::kParking:
      return "parking to wait for";
  }
  return {};
}

// Who has what somebody waits for.
class Holders {
 public:
  explicit Holders(const JvmRuntime& jvm) {
    for (const Wait& wait : java_waits(jvm))
      if (wait.owner != 0) owners_.emplace(wait.object, wait.owner);
    for (size_t i = 0; i < jvm.tids.size(); ++i)
      if (jvm.tids[i] != 0) names_.emplace(jvm.tids[i], &jvm.dump.threads[i].name);
  }
  // ", which "reload" (tid 77) holds"; "" when it is not known.
  std::string words(uint64_t object) const {
    auto owner = owners_.find(object);
    if (owner == owners_.end()) return {};
    auto name = names_.find(owner->second);
    return fmt::format(", which {} (tid {}) holds", name == names_.end() ? "a thread" : plain_line(*name->second, 100),
                       owner->second);
  }

 private:
  std::unordered_map<uint64_t, int> owners_;
  std::unordered_map<int, const std::string*> names_;
};

// Names with their tids, so that a tid cited as evidence is found here, and its native stack in threads/stacks.txt.
void members_text(std::string& text, const JvmRuntime& jvm, const JavaThreadsAtStack& group) {
  std::string line = "   ";
  for (size_t member : group.members) {
    std::string entry = fmt::format(" tid {}=\"{}\"", jvm.tids[member], plain_line(jvm.dump.threads[member].name, 80));
    if (line.size() + entry.size() > 118 && line.size() > 3) {
      text += line + "\n";
      line = "   ";
    }
    line += entry;
  }
  text += line + "\n";
}

// The locks of all members, where they stand; another object than that of the first is told without its address.
void locks_text(std::string& text, const JvmRuntime& jvm, const JavaThreadsAtStack& group, const Holders& holders,
                uint32_t frame) {
  const auto& locks = jvm.dump.threads[group.members.front()].locks;
  for (size_t i = 0; i < locks.size(); ++i) {
    const JvmLock& lock = locks[i];
    if (lock.frame != frame) continue;
    bool same = std::all_of(group.members.begin(), group.members.end(), [&](size_t member) {
      const auto& others = jvm.dump.threads[member].locks;
      return i < others.size() && others[i].address == lock.address && others[i].use == lock.use;
    });
    std::string address = same ? fmt::format("<{:#x}>", lock.address) : "one each,";
    bool wants = lock.use != JvmLockUse::kLocked;
    fmt::format_to(Out(text), "        - {} {} (a {}){}\n", use_word(lock.use), address,
                   plain_line(lock.class_name, 200), wants && same ? holders.words(lock.address) : "");
  }
}

void group_text(std::string& text, const JvmRuntime& jvm, const JavaThreadsAtStack& group, const Holders& holders) {
  fmt::format_to(Out(text), "\n{} × {}\n", group.members.size(), plain_line(group.state, 80));
  members_text(text, jvm, group);
  if (!group.stack) return;
  for (uint32_t i = 0; i < group.stack->size(); ++i) {
    const JvmFrame& frame = jvm.dump.frames[(*group.stack)[i]];
    fmt::format_to(Out(text), "    {:>2}  {}  {}\n", i, plain_line(frame.method, 300), plain_line(frame.place, 200));
    locks_text(text, jvm, group, holders, i);
  }
}

void deadlocks_text(std::string& text, const JvmThreadDump& dump) {
  for (const auto& deadlock : dump.deadlocks) {
    fmt::format_to(Out(text), "\nA deadlock, as the JVM found it:\n");
    for (const JvmDeadlockWait& wait : deadlock)
      fmt::format_to(Out(text), "    \"{}\" waits for {} <{:#x}> (a {}), which \"{}\" holds\n",
                     plain_line(wait.thread, 100), wait.synchronizer ? "lock" : "monitor", wait.object,
                     plain_line(wait.class_name, 200), plain_line(wait.holder, 100));
  }
}

void lock_json(std::string& out, const JvmLock& lock) {
  out += '{';
  append_json_field(out, "use", use_word(lock.use));
  append_json_field(out, "class", lock.class_name);
  fmt::format_to(Out(out), "\"object\":\"{:#x}\",\"frame\":{}}}", lock.address, lock.frame);
}

void thread_json(std::string& out, const JvmThread& thread, int tid) {
  out += '{';
  append_json_field(out, "name", thread.name);
  append_json_field(out, "state", thread.state);
  append_json_field(out, "doing", thread.doing);
  if (thread.cpu_seconds) fmt::format_to(Out(out), "\"cpu_seconds\":{:.6f},", *thread.cpu_seconds);
  if (thread.elapsed_seconds) fmt::format_to(Out(out), "\"age_seconds\":{:.2f},", *thread.elapsed_seconds);
  if (thread.stack) fmt::format_to(Out(out), "\"stack\":{},", *thread.stack);
  if (tid != 0) fmt::format_to(Out(out), "\"tid\":{},", tid);
  fmt::format_to(Out(out), "\"number\":{},\"nid\":{},\"daemon\":{},\"locks\":[", thread.number, thread.nid,
                 thread.daemon);
  const char* comma = "";
  for (const JvmLock& lock : thread.locks) out += std::exchange(comma, ","), lock_json(out, lock);
  out += "]}";
}

void deadlock_json(std::string& out, const std::vector<JvmDeadlockWait>& deadlock) {
  out += '[';
  const char* comma = "";
  for (const JvmDeadlockWait& wait : deadlock) {
    out += std::exchange(comma, ",");
    out += '{';
    append_json_field(out, "thread", wait.thread);
    append_json_field(out, "class", wait.class_name);
    append_json_field(out, "holder", wait.holder);
    fmt::format_to(Out(out), "\"object\":\"{:#x}\"}}", wait.object);
  }
  out += ']';
}

// Frames and stacks once each, by number.
std::string java_json(const JvmRuntime& jvm) {
  std::string out = "{\"schema\":1,";
  append_json_field(out, "vm", jvm.dump.vm);
  append_json_field(out, "library", jvm.libjvm);
  fmt::format_to(Out(out), "\"answered_ms\":{:.1f},\"signalled\":{},\"whole\":{},\"frames\":[", jvm.answered_ms,
                 jvm.signalled, jvm.dump.whole);
  const char* comma = "\n";
  for (const JvmFrame& frame : jvm.dump.frames) {
    out += std::exchange(comma, ",\n");
    out += "{\"method\":";
    append_json_string(out, frame.method);
    out += ",\"place\":";
    append_json_string(out, frame.place);
    out += '}';
  }
  out += "\n],\"stacks\":[";
  comma = "\n";
  for (const auto& stack : jvm.dump.stacks)
    fmt::format_to(Out(out), "{}[{}]", std::exchange(comma, ",\n"), fmt::join(stack, ","));
  out += "\n],\"threads\":[";
  comma = "\n";
  for (size_t i = 0; i < jvm.dump.threads.size(); ++i) {
    out += std::exchange(comma, ",\n");
    thread_json(out, jvm.dump.threads[i], jvm.tids[i]);
  }
  out += "\n],\"deadlocks\":[";
  comma = "\n";
  for (const auto& deadlock : jvm.dump.deadlocks) out += std::exchange(comma, ",\n"), deadlock_json(out, deadlock);
  return out + "\n]}\n";
}

}  // namespace

std::string java_text(const JvmRuntime& jvm) {
  auto groups = group_java_threads(jvm.dump);
  uint64_t threads = 0;
  for (const auto& group : groups) threads += group.members.size();
  std::string text = fmt::format(
      "{} in {}, the largest first; frames from the innermost. {}.\n"
      "Their native stacks are among those of all threads, by tid.\n",
      counted(threads, "Java thread"), counted(groups.size(), "group"), plain_line(jvm.dump.vm, 200));
  if (!jvm.dump.whole) text += "The thread dump ends early: there are more threads, and deadlocks are not told.\n";
  deadlocks_text(text, jvm.dump);
  Holders holders(jvm);
  for (const auto& group : groups) group_text(text, jvm, group, holders);
  auto of_vm = group_java_threads(jvm.dump, true);
  if (!of_vm.empty()) text += "\nOf the JVM itself:\n";
  for (const auto& group : of_vm) group_text(text, jvm, group, holders);
  return text;
}

void java(const Snapshot& snapshot, Artifacts& out) {
  if (!snapshot.jvm) return;
  out.push_back({"threads/java.txt", "raw/jvm/threaddump.txt", java_text(*snapshot.jvm)});
  out.push_back({"threads/java.json", "raw/jvm/threaddump.txt", java_json(*snapshot.jvm)});
}

}  // namespace ec::derived
