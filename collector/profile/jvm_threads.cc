#include "collector/profile/jvm_threads.h"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>

#include "collector/base/text.h"

namespace ec {

namespace {

constexpr size_t kLongestName = 500;
constexpr size_t kMostFrames = 4096;  // of one stack; HotSpot itself stops at -XX:MaxJavaStackTraceDepth, 1024
constexpr size_t kMostLocks = 4096;   // of one stack
constexpr std::string_view kHeader = "Full thread dump ";

// "0x00000000ffd1aa30" or "ffd1aa30".
std::optional<uint64_t> address_of(std::string_view text) {
  if (text.starts_with("0x")) text.remove_prefix(2);
  return parse_number<uint64_t>(text, 16);
}

// "46.97ms", "3.56s": HotSpot writes milliseconds for CPU time and seconds for the age.
std::optional<double> seconds_of(std::string_view text) {
  double unit = 1;
  if (text.ends_with("ms"))
    text.remove_suffix(2), unit = 1e-3;
  else if (text.ends_with("s"))
    text.remove_suffix(1);
  auto number = parse_double(text);
  return number ? std::optional(*number * unit) : std::nullopt;
}

// "Main$$Lambda$1/0x00007f03bc000c08.run" → "Main$$Lambda$1.run".
std::string without_hidden_address(std::string_view name) {
  std::string clean(name);
  for (size_t at = clean.find("/0x"); at != std::string::npos; at = clean.find("/0x", at)) {
    size_t end = clean.find_first_not_of("0123456789abcdef", at + 3);
    clean.erase(at, (end == std::string::npos ? clean.size() : end) - at);
  }
  return printable_line(clean, kLongestName);
}

// "(a java.lang.Object)" → "java.lang.Object".
std::string class_in(std::string_view text) {
  size_t begin = text.find("(a "), end = text.rfind(')');
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin + 3) return {};
  return without_hidden_address(text.substr(begin + 3, end - begin - 3));
}

// "HashMap.get(java.base@17.0.15/HashMap.java:552)" → method and place without the module.
JvmFrame frame_of(std::string_view text) {
  size_t open = text.rfind('(');
  JvmFrame frame{without_hidden_address(text.substr(0, open)), ""};
  if (open == std::string_view::npos) return frame;
  std::string_view place = text.substr(open + 1);
  if (place.ends_with(")")) place.remove_suffix(1);
  place.remove_prefix(place.rfind('/') + 1);  // npos + 1 == 0
  frame.place = printable_line(place, kLongestName);
  return frame;
}

struct LockLine {
  std::string_view begin;
  JvmLockUse use;
};
constexpr std::array kLockLines{
    LockLine{"- locked <", JvmLockUse::kLocked},
    LockLine{"- waiting to lock <", JvmLockUse::kWaitingToLock},
    LockLine{"- waiting on <", JvmLockUse::kWaitingOn},
    LockLine{"- waiting to re-lock in wait() <", JvmLockUse::kWaitingToRelock},
    LockLine{"- parking to wait for  <", JvmLockUse::kParking},
    LockLine{"- parking to wait for <", JvmLockUse::kParking},
};

class Reader {
 public:
  Reader(std::string_view where, std::string_view text) : lines_(where, text) {}

  Result<JvmThreadDump> read() {
    if (!find_header()) return tl::unexpected(lines_.expected("'Full thread dump'"));
    while (auto line = lines_.next()) {
      if (line->starts_with(kHeader)) break;  // of the next dump in a log
      take(*line);
    }
    finish_thread();
    return std::move(dump_);
  }

 private:
  enum class Part { kThreads, kDeadlock, kDeadlockStacks };

  bool find_header() {
    std::string_view before;
    while (auto line = lines_.next()) {
      if (line->starts_with(kHeader)) {
        std::string_view vm = trim(line->substr(kHeader.size()));
        if (vm.ends_with(":")) vm.remove_suffix(1);
        dump_.vm = printable_line(vm, kLongestName);
        if (before.size() == 19 && before[4] == '-' && before[13] == ':') dump_.taken = printable_line(before, 19);
        return true;
      }
      before = trim(*line);
    }
    return false;
  }

  void take(std::string_view line) {
    std::string_view text = trim(line);
    if (text.starts_with("Found one Java-level deadlock")) {
      finish_thread();
      dump_.deadlocks.emplace_back();
      part_ = Part::kDeadlock;
    } else if (text.starts_with("Java stack information for the threads")) {
      part_ = Part::kDeadlockStacks;
    } else if (part_ == Part::kDeadlock) {
      take_deadlock(text);
    } else if (part_ == Part::kThreads) {
      take_of_thread(line, text);
    }
  }

  void take_of_thread(std::string_view line, std::string_view text) {
    if (line.starts_with("\"")) return take_thread(line);
    if (text.starts_with("JNI global ref")) return take_references(text);
    if (!open_ || text.empty()) return;
    constexpr std::string_view kState = "java.lang.Thread.State: ";
    if (text.starts_with(kState)) {
      thread().state = printable_line(text.substr(kState.size()), 100);
    } else if (text.starts_with("at ")) {
      if (stack_.size() < kMostFrames) stack_.push_back(frame_index(trim(text.substr(3))));
    } else if (text.starts_with("Locked ownable synchronizers")) {
      in_synchronizers_ = true;
    } else if (text.starts_with("- ")) {
      take_lock(text);
    }
  }

  // "main" #1 daemon prio=5 os_prio=0 cpu=46.97ms elapsed=3.56s tid=0x7f04 nid=0x6a10 waiting on condition  [0x7f]
  // A name may hold anything, quotes included. From JDK 19 on nid is decimal and stands behind the number as well,
  // "[27152]"; for a thread that carries a virtual one it stands only there.
  void take_thread(std::string_view line) {
    size_t tid = line.rfind(" tid=0x");
    size_t name_end = tid == std::string_view::npos ? tid : line.rfind("\" ", tid);
    if (name_end == std::string_view::npos || name_end == 0) return;
    finish_thread();
    open_ = true;
    JvmThread& thread = dump_.threads.emplace_back();
    thread.name = printable_line(line.substr(1, name_end - 1), kLongestName);
    FieldCursor fields(line.substr(name_end + 2));
    while (auto word = fields.word()) {
      if (word->starts_with("#")) {
        thread.number = parse_number<uint64_t>(word->substr(1)).value_or(0);
      } else if (word->starts_with("[") && word->ends_with("]") && thread.nid == 0) {
        thread.nid = parse_number<uint64_t>(word->substr(1, word->size() - 2)).value_or(0);
      } else if (*word == "daemon") {
        thread.daemon = true;
      } else if (word->starts_with("cpu=")) {
        thread.cpu_seconds = seconds_of(word->substr(4));
      } else if (word->starts_with("elapsed=")) {
        thread.elapsed_seconds = seconds_of(word->substr(8));
      } else if (word->starts_with("nid=")) {
        std::string_view nid = word->substr(4);
        thread.nid = (nid.starts_with("0x") ? address_of(nid) : parse_number<uint64_t>(nid)).value_or(0);
        break;
      }
    }
    std::string_view doing = fields.rest();  // "" without nid: the loop went to the end
    thread.doing = printable_line(trim(doing.substr(0, doing.rfind(" [0x"))), 100);
  }

  // "JNI global refs: 281, weak refs: 0"; of JDK 8 "JNI global references: 15". It stands behind the last thread.
  void take_references(std::string_view text) {
    finish_thread();
    dump_.whole = true;
    text.remove_prefix(std::min(text.size(), text.find(':') + 1));
    dump_.jni_global_references = parse_number<uint64_t>(trim(text.substr(0, text.find(','))));
  }

  void take_lock(std::string_view text) {
    if (in_synchronizers_) return add_lock(text.substr(2), JvmLockUse::kLocked, thread().synchronizers);
    for (const LockLine& each : kLockLines)
      if (text.starts_with(each.begin)) return add_lock(text.substr(each.begin.size() - 1), each.use, thread().locks);
  }

  // "<0x00000000ffd1aa30> (a java.lang.Object)"; "<no object reference available>" tells nothing.
  void add_lock(std::string_view text, JvmLockUse use, std::vector<JvmLock>& locks) const {
    size_t end = text.find('>');
    if (!text.starts_with("<") || end == std::string_view::npos || locks.size() >= kMostLocks) return;
    auto address = address_of(text.substr(1, end - 1));
    if (!address || *address == 0) return;
    auto frame = static_cast<uint32_t>(stack_.empty() ? 0 : stack_.size() - 1);
    locks.push_back({use, *address, class_in(text.substr(end + 1)), frame});
  }

  // "transfer-1":
  //   waiting to lock monitor 0x00007f0394002b60 (object 0x00000000ffd1aa30, a java.lang.Object),
  //   which is held by "transfer-2"
  // or "waiting for ownable synchronizer 0x00000000ffd1abc8, (a java.util.concurrent.locks.ReentrantLock$NonfairSync)".
  void take_deadlock(std::string_view text) {
    auto& waits = dump_.deadlocks.back();
    constexpr std::string_view kMonitor = "waiting to lock monitor ", kHolder = "which is held by ";
    constexpr std::string_view kSynchronizer = "waiting for ownable synchronizer ";
    if (text.starts_with("\"") && text.ends_with("\":") && text.size() >= 3) {
      waits.emplace_back().thread = printable_line(text.substr(1, text.size() - 3), kLongestName);
    } else if (waits.empty()) {
      return;
    } else if (size_t object = text.find("(object "); text.starts_with(kMonitor) && object != std::string_view::npos) {
      std::string_view rest = text.substr(object + 8);
      size_t comma = rest.find(", a ");
      waits.back().object = address_of(rest.substr(0, comma)).value_or(0);
      if (comma == std::string_view::npos) return;
      rest.remove_prefix(comma + 4);
      waits.back().class_name = without_hidden_address(rest.substr(0, rest.rfind(')')));
    } else if (text.starts_with(kSynchronizer)) {
      std::string_view rest = text.substr(kSynchronizer.size());
      waits.back().synchronizer = true;
      waits.back().object = address_of(rest.substr(0, rest.find(','))).value_or(0);
      waits.back().class_name = class_in(rest);
    } else if (text.starts_with(kHolder)) {
      std::string_view holder = text.substr(kHolder.size());
      if (holder.size() >= 2 && holder.front() == '"' && holder.back() == '"')
        waits.back().holder = printable_line(holder.substr(1, holder.size() - 2), kLongestName);
    }
  }

  JvmThread& thread() { return dump_.threads.back(); }

  uint32_t frame_index(std::string_view text) {
    auto [known, fresh] = frame_numbers_.try_emplace(text, static_cast<uint32_t>(dump_.frames.size()));
    if (fresh) dump_.frames.push_back(frame_of(text));
    return known->second;
  }

  void finish_thread() {
    if (open_ && !stack_.empty()) {
      auto [known, fresh] = stack_numbers_.try_emplace(stack_, static_cast<uint32_t>(dump_.stacks.size()));
      if (fresh) dump_.stacks.push_back(stack_);
      thread().stack = known->second;
    }
    stack_.clear();
    open_ = in_synchronizers_ = false;
  }

  LineCursor lines_;
  JvmThreadDump dump_;
  Part part_ = Part::kThreads;
  bool open_ = false;  // the last thread may still get lines
  bool in_synchronizers_ = false;
  std::vector<uint32_t> stack_;
  std::unordered_map<std::string_view, uint32_t> frame_numbers_;  // by the text of the line
  std::map<std::vector<uint32_t>, uint32_t> stack_numbers_;
};

}  // namespace

Result<JvmThreadDump> parse_jvm_threads(std::string_view where, std::string_view text) {
  return Reader(where, text).read();
}

}  // namespace ec
