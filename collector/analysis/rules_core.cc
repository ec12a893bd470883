#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "collector/analysis/core_words.h"
#include "collector/analysis/frame_runs.h"
#include "collector/analysis/rules.h"
#include "collector/analysis/thread_words.h"
#include "collector/base/text.h"

namespace ec::rules {

namespace {

constexpr size_t kMostCallers = 4;

// The plumbing of throwing, aborting and raising, which every such stack ends with.
bool is_end_of_all(const Frame& frame) {
  std::string_view symbol = frame.symbol;
  if (symbol.empty() && frame.module.find("/libstdc++.so") != std::string::npos) return true;
  for (std::string_view known : {"raise", "abort", "__pthread_kill", "pthread_kill", "__GI_", "__cxa_",
                                 "__gnu_cxx::", "std::terminate", "__assert_fail", "__stack_chk_fail", "__fortify_fail",
                                 "malloc_printerr", "__libc_message", "_int_free", "__cxxabiv1::", "gsignal"})
    if (symbol.starts_with(known)) return true;
  return false;
}

// In a Go program whatever of the runtime stands above the function that failed.
bool is_go_plumbing(const Frame& frame) { return frame.symbol.starts_with("runtime."); }

// "read_order (order.cc:8)".
std::string frame_words(const Frame& frame) {
  if (frame.file.empty() || frame.found_by == "python") return in_sentence(spoken_frame(frame));
  std::string place = fmt::format(" ({}:{})", frame.file.substr(frame.file.rfind('/') + 1), frame.line);
  return in_sentence(spoken_frame(frame)) + in_sentence(place);
}

// "read_order (order.cc:8), called by handle (order.cc:9)"; recursion is told once.
std::string where_words(const ThreadIndex& index, int tid) {
  const Stack* stack = index.stack(tid);
  if (!stack) return {};
  std::string words;
  size_t told = 0;
  bool other_frames = std::any_of(stack->frames.begin(), stack->frames.end(), [&](uint32_t each) {
    const Frame* frame = index.frame(each);
    return frame && !frame->symbol.empty() && !is_go_plumbing(*frame);
  });
  for (const FrameRun& run : frame_runs(stack->frames)) {
    size_t told_before = told;
    for (size_t i = run.begin; i < run.begin + run.length && told < kMostCallers; ++i) {
      const Frame* frame = index.frame(stack->frames[i]);
      if (!frame || (told == 0 && (is_end_of_all(*frame) || (other_frames && is_go_plumbing(*frame))))) continue;
      words += (told == 0 ? "" : ", called by ") + frame_words(*frame);
      ++told;
    }
    if (run.times > 1 && told - told_before == run.length)
      words += run.length == 1 ? fmt::format(", {} times", run.times)
                               : fmt::format(" (these {}, {} times)", run.length, run.times);
  }
  return words;
}

}  // namespace

Findings crashed(const Snapshot& snapshot) {
  if (!snapshot.core || !ended_by_signal(*snapshot.core)) return {};
  const CoreFacts& core = *snapshot.core;
  ThreadIndex index(snapshot);
  std::string words = signal_words(snapshot), cause = cause_words(snapshot), where = where_words(index, core.tid);
  Finding finding{"crashed", Severity::kCritical, words, "", {}};
  finding.detail = fmt::format("{} was ended by {}", target_name(snapshot), words);
  if (!where.empty()) finding.detail += fmt::format(", in {}", where);
  finding.detail += ".";
  if (!cause.empty())
    finding.detail += fmt::format(" {}{}.", static_cast<char>(std::toupper(cause[0])), cause.substr(1));
  finding.evidence.push_back({"raw/core.json", "key signal", words});
  if (!where.empty()) finding.evidence.push_back({"threads/stacks.txt", fmt::format("tid {}", core.tid), where});
  return {finding};
}

}  // namespace ec::rules
