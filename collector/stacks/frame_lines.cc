#include <algorithm>
#include <map>

#include "collector/base/bytes.h"
#include "collector/stacks/frame_requests.h"

namespace ec {

namespace {

constexpr size_t kMostInlined = 64, kLongestText = 4096;

// One frame's answer: u32 index, then per source frame this and the two texts, innermost first.
struct AnswerPart {
  int32_t line;
  uint32_t inlined, function_size, file_size;
};

std::string encode(uint32_t index, const std::vector<SourceFrame>& frames) {
  std::string bytes(reinterpret_cast<const char*>(&index), sizeof index);
  for (const SourceFrame& frame : frames) {
    std::string_view function = std::string_view(frame.function).substr(0, kLongestText);
    std::string_view file = std::string_view(frame.file).substr(0, kLongestText);
    AnswerPart part{frame.line, frame.inlined, static_cast<uint32_t>(function.size()),
                    static_cast<uint32_t>(file.size())};
    bytes.append(reinterpret_cast<const char*>(&part), sizeof part).append(function).append(file);
  }
  return bytes;
}

using InlinedFrames = std::map<uint32_t, std::vector<uint32_t>>;  // of a frame: those before it, innermost first

void take_answer(std::string_view bytes, NamedStacks& named, InlinedFrames& inlined) {
  ByteCursor cursor(bytes);
  auto index = cursor.read<uint32_t>();
  if (!index || *index >= named.frames.size() || inlined.contains(*index)) return;
  std::vector<uint32_t> before;
  while (auto part = cursor.read<AnswerPart>()) {
    auto function = cursor.take(part->function_size), file = cursor.take(part->file_size);
    if (!function || !file) break;
    if (part->inlined && before.size() >= kMostInlined) continue;
    if (part->inlined) {
      NamedFrame frame = named.frames[*index];
      frame.symbol = *function;
      frame.symbol_offset = 0;
      frame.unknown_reason = function->empty() ? "an inlined function without a name" : "";
      frame.inlined = true;
      before.push_back(static_cast<uint32_t>(named.frames.size()));
      named.frames.push_back(std::move(frame));
    }
    NamedFrame& frame = part->inlined ? named.frames.back() : named.frames[*index];
    frame.file = *file;
    frame.line = part->line;
    if (frame.symbol.empty() && !function->empty()) {
      frame.symbol = *function;
      frame.unknown_reason.clear();
    }
  }
  inlined.emplace(*index, std::move(before));
}

// How many threads are in each frame.
std::vector<uint64_t> frequencies(const StackDump& dump, const NamedStacks& named) {
  std::vector<uint64_t> threads(named.frames.size());
  for (const DumpedThread& thread : dump.threads)
    if (thread.stack && *thread.stack < named.stacks.size())
      for (uint32_t frame : named.stacks[*thread.stack]) ++threads[frame];
  return threads;
}

void sort_by_frequency(std::vector<FrameRequest>& requests, const std::vector<uint64_t>& threads) {
  std::vector<std::pair<uint64_t, FrameRequest>> order;
  for (FrameRequest& request : requests) {
    std::stable_sort(request.frames.begin(), request.frames.end(),
                     [&](uint32_t a, uint32_t b) { return threads[a] > threads[b]; });
    uint64_t sum = 0;
    for (uint32_t frame : request.frames) sum += threads[frame];
    order.emplace_back(sum, std::move(request));
  }
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  for (size_t i = 0; i < requests.size(); ++i) requests[i] = std::move(order[i].second);
}

}  // namespace

void add_lines(const StackDump& dump, int target_root_fd, Deadline deadline,
               const std::vector<std::string>& debug_directories, NamedStacks& named) {
  auto requests = frame_requests(dump, named);
  std::erase_if(requests, [](const FrameRequest& request) { return !request.module->image; });
  sort_by_frequency(requests, frequencies(dump, named));
  Symbolizer symbolizer(target_root_fd, debug_directories);
  InlinedFrames inlined;
  ModuleWork work;
  work.modules = requests.size();
  work.ask = [&](size_t i, FrameWriter& out) {
    uint32_t id = symbolizer.add_module(module_file(*requests[i].module));
    for (uint32_t index : requests[i].frames) {
      const NamedFrame& frame = named.frames[index];
      SourcePlace place = symbolizer.source(id, frame.module_offset - frame.back());
      if (place.frames.empty()) continue;
      out.frame(encode(index, place.frames));
      out.flush();  // the next frame may be the one that takes too long
    }
  };
  work.answer = [&](std::string_view bytes) { take_answer(bytes, named, inlined); };
  work.failed = [](size_t) {};
  // Without lines the names are still there.
  (void)run_modules(work, deadline);
  for (std::vector<uint32_t>& stack : named.stacks) {
    std::vector<uint32_t> whole;
    for (uint32_t frame : stack) {
      if (auto before = inlined.find(frame); before != inlined.end())
        whole.insert(whole.end(), before->second.begin(), before->second.end());
      whole.push_back(frame);
    }
    stack = std::move(whole);
  }
}

}  // namespace ec
