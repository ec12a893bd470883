#include "collector/runtimes/python_stacks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <unordered_set>

#include "collector/runtimes/python_objects.h"

namespace ec {

namespace {

constexpr size_t kMostInterpreters = 256, kMostThreads = 50'000, kMostFrames = 4000;
// Frames are used again at the same addresses: by chance, two walks over a thread that runs agree on frames of
// different moments. They were seen to do so in one of some thousand readings of a busy recursion.
constexpr int kMostWalks = 12, kAgreements = 3;
constexpr uint8_t kOwnedByCStack = 3;  // 3.12, 3.13: FRAME_OWNED_BY_CSTACK

// A frame as it stands in memory.
struct SeenFrame {
  uint64_t address = 0, code = 0, instruction = 0;
  uint8_t entry = 0;  // is_entry, or owner
};

// The same frame in two walks. The instruction of a frame that waits for a callee does not move.
bool same_frame(const SeenFrame& a, const SeenFrame& b) { return a.address == b.address && a.code == b.code; }
bool same_place(const SeenFrame& a, const SeenFrame& b) { return same_frame(a, b) && a.instruction == b.instruction; }

struct Walk {
  std::vector<SeenFrame> frames;  // innermost first
  std::string problem;            // why it ended before the outermost frame
  bool too_long = false;          // for that reason only
};

struct ThreadState {
  uint64_t address = 0;
  uint64_t interpreter = 0;
};

class Reader {
 public:
  Reader(RuntimeMemory& memory, const PythonSite& site, Deadline deadline)
      : memory_(memory), site_(site), layout_(site.layout), deadline_(deadline), codes_(memory, site) {}

  Result<PythonRead> read();

 private:
  std::vector<ThreadState> list_threads(const std::vector<uint64_t>& interpreters);
  Result<std::vector<uint64_t>> list_interpreters();
  void read_gil(uint64_t address, const std::vector<ThreadState>& threads);
  PythonThreadRead read_thread(uint64_t thread);
  Walk walk(uint64_t thread);
  std::optional<SeenFrame> read_frame(uint64_t address, uint64_t& previous);
  bool is_shim(const SeenFrame& frame) const {
    return layout_.evaluators == PythonLayout::Evaluators::kShims && frame.entry == kOwnedByCStack;
  }
  bool tell(const std::vector<SeenFrame>& frames, PythonThreadRead& thread);

  RuntimeMemory& memory_;
  const PythonSite& site_;
  const PythonLayout& layout_;
  Deadline deadline_;
  PythonCodes codes_;
  PythonRead result_;
};

Result<std::vector<uint64_t>> Reader::list_interpreters() {
  std::vector<uint64_t> found;
  std::unordered_set<uint64_t> met;
  auto next = memory_.at<uint64_t>(site_.runtime + layout_.runtime_interpreters);
  while (next && *next != 0 && found.size() < kMostInterpreters && met.insert(*next).second) {
    found.push_back(*next);
    next = memory_.at<uint64_t>(*next + layout_.interpreter_next);
  }
  if (found.empty())
    return fail(ErrorCode::kMalformed, fmt::format("_PyRuntime at {:#x}", site_.runtime),
                "expected at least one interpreter; it may not have started, or is about to end");
  return found;
}

std::vector<ThreadState> Reader::list_threads(const std::vector<uint64_t>& interpreters) {
  std::vector<ThreadState> threads;
  std::unordered_set<uint64_t> met;
  for (uint64_t interpreter : interpreters) {
    auto next = memory_.at<uint64_t>(interpreter + layout_.interpreter_threads);
    while (next && *next != 0 && met.insert(*next).second) {
      if (threads.size() == kMostThreads) {
        result_.cut = fmt::format("more than {} threads", kMostThreads);
        return threads;
      }
      threads.push_back({*next, interpreter});
      next = memory_.at<uint64_t>(*next + layout_.thread_next);
    }
    // Threads that end while the list is read leave it torn.
    if (!next) result_.cut = "the list of threads changed while it was read";
  }
  return threads;
}

void Reader::read_gil(uint64_t address, const std::vector<ThreadState>& threads) {
  auto locked = memory_.at<int32_t>(address + layout_.gil_locked);
  auto holder = memory_.at<uint64_t>(address + layout_.gil_holder);
  if (!locked || !holder) return;
  PythonGil gil{address, *locked == 1, -1};
  auto found =
      std::find_if(threads.begin(), threads.end(), [&](const ThreadState& each) { return each.address == *holder; });
  if (gil.held && found != threads.end()) gil.holder = found - threads.begin();
  result_.gils.push_back(gil);
}

std::optional<SeenFrame> Reader::read_frame(uint64_t address, uint64_t& previous) {
  char bytes[128];
  const uint64_t size =
      std::max({layout_.frame_code, layout_.frame_previous, layout_.frame_instruction, layout_.frame_entry}) + 8;
  if (address == 0 || size > sizeof bytes || !memory_.read_whole(address, bytes, size)) return std::nullopt;
  auto word = [&](uint64_t offset) {
    uint64_t value;
    std::memcpy(&value, bytes + offset, sizeof value);
    return value;
  };
  previous = word(layout_.frame_previous);
  SeenFrame frame{address, word(layout_.frame_code), word(layout_.frame_instruction), 0};
  if (layout_.evaluators != PythonLayout::Evaluators::kEach)
    frame.entry = static_cast<uint8_t>(bytes[layout_.frame_entry]);
  return frame;
}

Walk Reader::walk(uint64_t thread) {
  Walk walk;
  auto next = memory_.at<uint64_t>(thread + layout_.thread_frame);
  if (next && *next != 0 && layout_.through_cframe) next = memory_.at<uint64_t>(*next + layout_.cframe_frame);
  if (!next) {
    walk.problem = "its state is not readable: the thread may have ended";
    return walk;
  }
  std::unordered_set<uint64_t> met;
  while (*next != 0) {
    if (walk.frames.size() == kMostFrames) {
      walk.problem = fmt::format("more than {} frames: those further out are left out", kMostFrames);
      walk.too_long = true;
      return walk;
    }
    uint64_t previous = 0;
    auto frame = read_frame(*next, previous);
    if (!frame || !met.insert(*next).second) {
      walk.problem = frame ? "its frames form a circle" : fmt::format("no frame is readable at {:#x}", *next);
      return walk;
    }
    walk.frames.push_back(*frame);
    *next = previous;
  }
  return walk;
}

// How many frames, counted from the outermost, two walks have in common. The innermost of them may go on in between.
size_t common_frames(const Walk& a, const Walk& b) {
  size_t count = 0, most = std::min(a.frames.size(), b.frames.size());
  while (count < most) {
    const SeenFrame &one = a.frames[a.frames.size() - 1 - count], &other = b.frames[b.frames.size() - 1 - count];
    if (!same_frame(one, other)) break;
    ++count;
    if (!same_place(one, other)) break;
  }
  return count;
}

// Frames to functions and lines. False: one of them has no code object.
bool Reader::tell(const std::vector<SeenFrame>& frames, PythonThreadRead& thread) {
  thread.frames.clear();
  thread.evaluators.clear();
  uint32_t running = 0;  // frames of the evaluator that is not complete yet
  for (const SeenFrame& frame : frames) {
    if (!is_shim(frame)) {
      auto code = codes_.at(frame.code);
      if (!code) {
        thread.note = fmt::format("the frame at {:#x} has no function", frame.address);
        return false;
      }
      thread.frames.push_back({*code, codes_.line(*code, frame.instruction)});
      ++running;
    }
    bool last = layout_.evaluators == PythonLayout::Evaluators::kEach ||
                (layout_.evaluators == PythonLayout::Evaluators::kIsEntry ? frame.entry != 0 : is_shim(frame));
    if (last) {
      thread.evaluators.push_back(running);
      running = 0;
    }
  }
  if (running > 0) thread.evaluators.push_back(running);
  return true;
}

PythonThreadRead Reader::read_thread(uint64_t address) {
  PythonThreadRead thread;
  if (layout_.native_thread_id != 0)
    thread.native_id = memory_.at<uint64_t>(address + layout_.native_thread_id).value_or(0);
  auto pthread = memory_.at<uint64_t>(address + layout_.thread_id);
  if (pthread && *pthread != 0 && site_.pthread_tid != 0) {
    auto tid = memory_.at<int32_t>(*pthread + site_.pthread_tid);
    if (tid && *tid > 0) thread.pthread_tid = static_cast<uint64_t>(*tid);
  }
  Walk before = walk(address);
  size_t common = 0;  // frames that the last kAgreements pairs of walks had in common
  std::array<size_t, kAgreements> recent{};
  int agreed = 0;
  for (int walks = 1; walks < kMostWalks; ++walks) {
    Walk after = walk(address);
    size_t alike = before.problem == after.problem ? common_frames(before, after) : 0;
    bool equal = alike == before.frames.size() && alike == after.frames.size();
    before = std::move(after);
    recent[static_cast<size_t>(walks) % recent.size()] = alike;
    common = *std::min_element(recent.begin(), recent.end());
    agreed = equal ? agreed + 1 : 0;
    if (agreed < kAgreements || (!before.problem.empty() && !before.too_long)) continue;
    if (!tell(before.frames, thread)) continue;  // a frame that is just being made
    thread.note = before.problem;
    thread.whole = before.problem.empty();
    return thread;
  }
  // It runs all the time. What all of the last walks met lies below what changes.
  if (!before.problem.empty() || common == 0) {
    thread.frames.clear();
    thread.evaluators.clear();
    if (thread.note.empty())
      thread.note = before.problem.empty() ? "it ran, and its frames changed in every reading" : before.problem;
    return thread;
  }
  std::vector<SeenFrame> outer(before.frames.end() - static_cast<std::ptrdiff_t>(common), before.frames.end());
  if (!tell(outer, thread)) {
    thread.frames.clear();
    thread.evaluators.clear();
    return thread;
  }
  thread.note = "it ran, and frames further in changed while they were read";
  return thread;
}

Result<PythonRead> Reader::read() {
  auto interpreters = list_interpreters();
  if (!interpreters) return tl::unexpected(interpreters.error());
  std::vector<ThreadState> threads = list_threads(*interpreters);
  if (layout_.has_gil) {
    std::vector<uint64_t> gils;
    if (layout_.runtime_gil != 0) {
      gils.push_back(site_.runtime + layout_.runtime_gil);
    } else {
      // Interpreters may share one.
      for (uint64_t interpreter : *interpreters)
        if (auto gil = memory_.at<uint64_t>(interpreter + layout_.interpreter_gil); gil && *gil != 0)
          if (std::find(gils.begin(), gils.end(), *gil) == gils.end()) gils.push_back(*gil);
    }
    for (uint64_t gil : gils) read_gil(gil, threads);
  }
  result_.threads.resize(threads.size());
  // Holders first: they run, and give the lock to others every few milliseconds.
  std::vector<bool> done(threads.size());
  for (const PythonGil& gil : result_.gils)
    if (gil.holder >= 0) {
      auto holder = static_cast<size_t>(gil.holder);
      result_.threads[holder] = read_thread(threads[holder].address);
      done[holder] = true;
    }
  for (size_t i = 0; i < threads.size(); ++i) {
    if (done[i]) continue;
    if (deadline_.passed()) {
      if (result_.cut.empty()) result_.cut = "the time was up";
      result_.threads[i].note = "the time was up";
      continue;
    }
    result_.threads[i] = read_thread(threads[i].address);
  }
  result_.codes = codes_.take();
  return std::move(result_);
}

}  // namespace

Result<PythonRead> read_python(RuntimeMemory& memory, const PythonSite& site, Deadline deadline) {
  return Reader(memory, site, deadline).read();
}

}  // namespace ec
