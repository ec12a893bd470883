#include "collector/stacks/frame_names.h"

#include <unordered_map>

#include "collector/base/bytes.h"
#include "collector/stacks/frame_requests.h"

namespace ec {

namespace {

// Answers cross the process boundary as: u32 kind, u32 index, u64 offset, u32 lengths, bytes.
enum class Answer : uint32_t { kName, kBuildId };
struct AnswerHead {
  Answer kind;
  uint32_t index;
  uint64_t offset;
  uint32_t text_size, reason_size;
};

std::string encode(Answer kind, uint32_t index, uint64_t offset, std::string_view text, std::string_view reason) {
  AnswerHead head{kind, index, offset, static_cast<uint32_t>(text.size()), static_cast<uint32_t>(reason.size())};
  std::string bytes(reinterpret_cast<const char*>(&head), sizeof head);
  return bytes.append(text).append(reason);
}

void take_answer(std::string_view bytes, std::vector<std::string>& build_ids, NamedStacks& named) {
  ByteCursor cursor(bytes);
  auto head = cursor.read<AnswerHead>();
  if (!head) return;
  auto text = cursor.take(head->text_size), reason = cursor.take(head->reason_size);
  if (!text || !reason) return;
  if (head->kind == Answer::kBuildId && head->index < build_ids.size()) build_ids[head->index] = *text;
  if (head->kind != Answer::kName || head->index >= named.frames.size()) return;
  NamedFrame& frame = named.frames[head->index];
  frame.symbol = *text;
  frame.symbol_offset = head->offset;
  frame.unknown_reason = *reason;
}

// Names of all frames of these modules. Returns their build ids.
std::vector<std::string> name_all(const std::vector<FrameRequest>& requests, Symbolizer symbolizer, Deadline deadline,
                                  NamedStacks& named) {
  std::vector<std::string> build_ids(requests.size());
  auto ask = [&](size_t i, FrameWriter& out) {
    uint32_t id = symbolizer.add_module(module_file(*requests[i].module));
    out.frame(encode(Answer::kBuildId, static_cast<uint32_t>(i), 0, symbolizer.build_id(id), {}));
    for (uint32_t index : requests[i].frames) {
      const NamedFrame& frame = named.frames[index];
      SymbolName name = symbolizer.name(id, frame.module_offset - frame.back());
      out.frame(
          encode(Answer::kName, index, name.offset + (name.name.empty() ? 0 : frame.back()), name.name, name.reason));
    }
  };
  auto explain = [&](size_t module, std::string_view why) {
    for (uint32_t index : requests[module].frames) {
      NamedFrame& frame = named.frames[index];
      if (frame.symbol.empty() && frame.unknown_reason.empty()) frame.unknown_reason = why;
    }
  };
  ModuleWork work;
  work.modules = requests.size();
  work.ask = ask;
  work.answer = [&](std::string_view bytes) { take_answer(bytes, build_ids, named); };
  work.failed = [&](size_t module) { explain(module, "reading the symbols of this file failed: it may be damaged"); };
  if (auto done = run_modules(work, deadline); !done)
    for (size_t i = 0; i < requests.size(); ++i)
      explain(i, done.error().code == ErrorCode::kTimeout ? "the time for names was used up" : done.error().message());
  return build_ids;
}

}  // namespace

NamedStacks name_frames(const StackDump& dump, int target_root_fd, Deadline deadline,
                        const std::vector<std::string>& debug_directories, const JitFrames& jit) {
  NamedStacks named;
  std::unordered_map<std::string, uint32_t> known;
  std::string key;
  for (const PcStack& stack : dump.stacks) {
    std::vector<uint32_t>& indices = named.stacks.emplace_back();
    indices.reserve(stack.frames.size());
    for (const PcFrame& frame : stack.frames) {
      key.assign(reinterpret_cast<const char*>(&frame.pc), sizeof frame.pc);
      key += static_cast<char>(frame.found_by);
      key += frame.return_address ? 'r' : 'p';
      auto [place, added] = known.emplace(key, static_cast<uint32_t>(named.frames.size()));
      indices.push_back(place->second);
      if (!added) continue;
      NamedFrame& fresh = named.frames.emplace_back();
      fresh.pc = frame.pc;
      fresh.found_by = frame.found_by;
      fresh.return_address = frame.return_address;
      Module* module = dump.modules->at(frame.pc - (frame.return_address ? 1 : 0));
      if (module) {
        fresh.module = module->path;
        fresh.module_offset = frame.pc - module->bias;
        if (!module->image) fresh.unknown_reason = module->why.message();
      } else {
        fresh.unknown_reason = dump.modules->space().find(frame.pc)
                                   ? "no file behind this mapping (code made at run time)"
                                   : "nothing is mapped at this address";
      }
      if (module && module->image) continue;
      if (auto name = jit.names.find(frame.pc - fresh.back()); name != jit.names.end()) {
        fresh.symbol = name->second.name;
        fresh.symbol_offset = frame.pc - name->second.start;
        fresh.unknown_reason.clear();
      } else if (!jit.why_unknown.empty() && dump.modules->made_at_run_time(frame.pc - fresh.back())) {
        fresh.unknown_reason += ", " + jit.why_unknown;
      }
    }
  }
  auto requests = frame_requests(dump, named);
  for (const FrameRequest& request : requests) named.module_paths.push_back(request.module->path);
  named.module_build_ids.resize(requests.size());
  // Modules without a file have no names; they keep their place so that build ids stay parallel.
  std::vector<FrameRequest> readable;
  std::vector<size_t> places;
  for (size_t i = 0; i < requests.size(); ++i)
    if (requests[i].module->image) {
      readable.push_back(std::move(requests[i]));
      places.push_back(i);
    }
  auto build_ids = name_all(readable, Symbolizer(target_root_fd, debug_directories), deadline, named);
  for (size_t i = 0; i < places.size(); ++i) named.module_build_ids[places[i]] = build_ids[i];
  return named;
}

}  // namespace ec
