#include "collector/collectors/python_merge.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>

namespace ec {

namespace {

constexpr std::string_view kEvaluator = "_PyEval_EvalFrameDefault";

// Threads with the same native and Python frames share a stack.
class Merger {
 public:
  Merger(const PythonRuntime& python, Stacks& stacks)
      : stacks_(stacks), first_(static_cast<uint32_t>(stacks.frames.size())) {
    stacks_.frames.insert(stacks_.frames.end(), python.frames.begin(), python.frames.end());
  }

  void merge(const PythonThread& thread, ThreadStack& entry) {
    auto [known, fresh] = merged_.try_emplace(Key{entry.stack, thread.frames, thread.evaluators, thread.note}, 0);
    if (fresh) {
      Stack stack = entry.stack ? stacks_.stacks[*entry.stack] : Stack{};
      put(thread, stack);
      known->second = static_cast<uint32_t>(stacks_.stacks.size());
      stacks_.stacks.push_back(std::move(stack));
    }
    entry.stack = known->second;
  }

 private:
  using Key = std::tuple<std::optional<uint32_t>, std::vector<uint32_t>, std::vector<uint32_t>, std::string>;

  void put(const PythonThread& thread, Stack& stack) const {
    std::vector<uint32_t> frames;
    size_t evaluator = 0, next = 0;
    for (uint32_t index : stack.frames) {
      if (!is_python_evaluator(stacks_.frames[index])) {
        frames.push_back(index);
        continue;
      }
      uint32_t runs = evaluator < thread.evaluators.size() ? thread.evaluators[evaluator] : 0;
      ++evaluator;
      if (runs == 0) frames.push_back(index);  // it has just begun
      for (uint32_t i = 0; i < runs && next < thread.frames.size(); ++i)
        frames.push_back(first_ + thread.frames[next++]);
    }
    if (thread.whole && evaluator == thread.evaluators.size() && next == thread.frames.size()) {
      stack.frames = std::move(frames);
      return;
    }
    for (uint32_t index : thread.frames) stack.python_frames.push_back(first_ + index);
    stack.python_note = thread.note;
    if (thread.whole && !stack.frames.empty())
      stack.python_note = "read at another moment: the native frames call the interpreter another number of times";
  }

  Stacks& stacks_;
  uint32_t first_;  // index of the first Python frame
  std::map<Key, uint32_t> merged_;
};

}  // namespace

bool is_python_evaluator(const Frame& frame) {
  // ".cold", ".part.0" …: pieces that the compiler moved elsewhere.
  return frame.found_by != "python" && frame.symbol.starts_with(kEvaluator) &&
         (frame.symbol.size() == kEvaluator.size() || frame.symbol[kEvaluator.size()] == '.');
}

void merge_python(const PythonRuntime& python, Stacks& stacks) {
  auto merged_before = [](const Frame& frame) { return frame.found_by == "python"; };
  if (std::any_of(stacks.frames.begin(), stacks.frames.end(), merged_before)) return;
  Merger merger(python, stacks);
  std::unordered_map<int, ThreadStack*> by_tid;
  for (ThreadStack& entry : stacks.threads) by_tid.emplace(entry.tid, &entry);
  for (const PythonThread& thread : python.threads) {
    auto found = by_tid.find(thread.tid);
    if (found == by_tid.end() || (thread.frames.empty() && thread.note.empty())) continue;
    merger.merge(thread, *found->second);
    by_tid.erase(found);  // of a thread that is known to two interpreters the first counts
  }
}

}  // namespace ec
