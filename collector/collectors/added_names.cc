#include "collector/collectors/added_names.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace ec {

namespace {

constexpr size_t kMostInlined = 64;

using Key = std::tuple<std::string_view, uint64_t, bool>;  // build id, offset, return address

// The inlined functions in `frame`, appended to the frames; their indices, innermost first.
std::vector<uint32_t> put_lines(const AddedName& name, uint32_t frame, Stacks& stacks) {
  std::vector<uint32_t> inlined;
  for (const SourceFrame& line : name.lines) {
    if (line.inlined && inlined.size() >= kMostInlined) continue;
    if (line.inlined) {
      Frame copy = stacks.frames[frame];
      copy.symbol = line.function;
      copy.symbol_offset = 0;
      copy.unknown_reason = line.function.empty() ? "an inlined function without a name" : "";
      copy.inlined = true;
      inlined.push_back(static_cast<uint32_t>(stacks.frames.size()));
      stacks.frames.push_back(std::move(copy));
    }
    Frame& named = line.inlined ? stacks.frames.back() : stacks.frames[frame];
    named.file = line.file;
    named.line = line.line;
    if (named.symbol.empty() && !line.function.empty()) {
      named.symbol = line.function;
      named.unknown_reason.clear();
    }
  }
  return inlined;
}

void count_frames(Stacks& stacks) {
  stacks.total_frames = stacks.unresolved_frames = 0;
  for (const ThreadStack& thread : stacks.threads) {
    if (!thread.stack || *thread.stack >= stacks.stacks.size()) continue;
    for (uint32_t frame : stacks.stacks[*thread.stack].frames) {
      ++stacks.total_frames;
      if (stacks.frames[frame].symbol.empty()) ++stacks.unresolved_frames;
    }
  }
}

}  // namespace

std::optional<AddedNames> read_added_names(const RawStore& store) {
  auto text = store.read(kAddedNamesPath);
  auto names = text ? parse_added_names(kAddedNamesPath, *text) : Result<AddedNames>(tl::unexpected(text.error()));
  if (!names) return std::nullopt;
  return std::move(*names);
}

void infer_return_addresses(Stacks& stacks) {
  if (std::any_of(stacks.frames.begin(), stacks.frames.end(), [](const Frame& f) { return f.return_address; })) return;
  for (Frame& frame : stacks.frames)
    frame.return_address =
        frame.found_by != "registers" && frame.found_by != "signal-frame" && frame.found_by != "python";
  for (const Stack& stack : stacks.stacks)
    for (size_t i = 1; i < stack.frames.size(); ++i)
      if (stacks.frames[stack.frames[i]].found_by == "signal-frame")
        stacks.frames[stack.frames[i - 1]].return_address = false;
}

void put_names(const AddedNames& names, Stacks& stacks) {
  std::map<Key, const AddedName*> known;
  for (const AddedModule& module : names.modules)
    if (!module.build_id.empty())
      for (const AddedName& name : module.names)
        known.emplace(Key{module.build_id, name.module_offset, name.return_address}, &name);
  infer_return_addresses(stacks);
  std::map<uint32_t, std::vector<uint32_t>> before;  // of a frame: what was inlined into it, innermost first
  for (size_t i = 0, count = stacks.frames.size(); i < count; ++i) {
    Frame& frame = stacks.frames[i];
    auto found = known.find({frame.build_id, frame.module_offset, frame.return_address});
    if (found == known.end() || frame.inlined || !frame.file.empty()) continue;
    const AddedName& name = *found->second;
    if (!name.symbol.empty()) {
      frame.symbol = name.symbol;
      frame.symbol_offset = name.symbol_offset;
      frame.unknown_reason.clear();
    }
    auto index = static_cast<uint32_t>(i);
    before.emplace(index, put_lines(name, index, stacks));
  }
  for (Stack& stack : stacks.stacks) {
    std::vector<uint32_t> whole;
    for (uint32_t frame : stack.frames) {
      if (auto inlined = before.find(frame); inlined != before.end())
        whole.insert(whole.end(), inlined->second.begin(), inlined->second.end());
      whole.push_back(frame);
    }
    stack.frames = std::move(whole);
  }
  count_frames(stacks);
}

}  // namespace ec
