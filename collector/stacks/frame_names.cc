#include "collector/stacks/frame_names.h"

#include <poll.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "collector/base/bytes.h"
#include "collector/base/helper_process.h"
#include "collector/base/text.h"
#include "symbolize/symbolizer.h"

namespace ec {

namespace {

// One module and what is asked about it.
struct Request {
  const Module* module = nullptr;
  std::vector<uint32_t> frames;  // indices into NamedStacks::frames
};

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

// In the child: everything that reads symbol tables.
void answer_all(const std::vector<Request>& requests, const NamedStacks& named, const std::vector<bool>& return_address,
                int target_root_fd, FrameWriter& out) {
  Symbolizer symbolizer(target_root_fd);
  for (size_t i = 0; i < requests.size(); ++i) {
    const Request& request = requests[i];
    out.touch(std::to_string(i), true);
    ModuleFile file;
    file.path = request.module->path;
    file.device_major = request.module->device_major;
    file.device_minor = request.module->device_minor;
    file.inode = request.module->inode;
    file.fd = request.module->image->fd();
    file.bytes = request.module->bytes;
    uint32_t id = symbolizer.add_module(std::move(file));
    out.frame(encode(Answer::kBuildId, static_cast<uint32_t>(i), 0, symbolizer.build_id(id), {}));
    for (uint32_t index : request.frames) {
      uint64_t back = return_address[index] ? 1 : 0;
      SymbolName name = symbolizer.name(id, named.frames[index].module_offset - back);
      out.frame(encode(Answer::kName, index, name.offset + (name.name.empty() ? 0 : back), name.name, name.reason));
    }
  }
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

// Runs the child over the requests from `first` on. Returns where to go on: behind the module that ended the child.
size_t run_child(const std::vector<Request>& requests, size_t first, const std::vector<bool>& return_address,
                 int target_root_fd, Deadline deadline, std::vector<std::string>& build_ids, NamedStacks& named) {
  std::vector<Request> rest(requests.begin() + static_cast<std::ptrdiff_t>(first), requests.end());
  auto child =
      HelperProcess::start([&](FrameWriter& out) { answer_all(rest, named, return_address, target_root_fd, out); });
  auto explain = [&](size_t from, const std::string& why) {
    for (size_t i = from; i < requests.size(); ++i)
      for (uint32_t index : requests[i].frames)
        if (named.frames[index].symbol.empty() && named.frames[index].unknown_reason.empty())
          named.frames[index].unknown_reason = why;
  };
  if (!child) {
    explain(first, child.error().message());
    return requests.size();
  }
  std::vector<std::string> rest_ids(rest.size());
  std::string frame;
  while (true) {
    auto status = child->poll_frame(frame);
    if (status == HelperProcess::Status::kEnded) break;
    if (status == HelperProcess::Status::kFrame) {
      take_answer(frame, rest_ids, named);
      continue;
    }
    if (deadline.passed()) break;
    pollfd waiting{child->fd(), POLLIN, 0};
    poll(&waiting, 1, deadline.remaining_ms());
  }
  for (size_t i = 0; i < rest.size(); ++i) build_ids[first + i] = rest_ids[i];
  size_t reached = parse_number<size_t>(child->last_touch()).value_or(0);
  if (deadline.passed()) {
    explain(first, "the time for names was used up");
    return requests.size();
  }
  auto ended = child->exit_status(milliseconds(200));
  if (ended && *ended == 0) return requests.size();
  for (uint32_t index : requests[std::min(first + reached, requests.size() - 1)].frames)
    if (named.frames[index].symbol.empty())
      named.frames[index].unknown_reason = "reading the symbols of this file failed: it may be damaged";
  return std::min(first + reached + 1, requests.size());
}

}  // namespace

NamedStacks name_frames(const StackDump& dump, int target_root_fd, Deadline deadline) {
  NamedStacks named;
  std::vector<bool> return_address;
  std::map<const Module*, Request> by_module;
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
      return_address.push_back(frame.return_address);
      fresh.pc = frame.pc;
      fresh.found_by = frame.found_by;
      Module* module = dump.modules->at(frame.pc - (frame.return_address ? 1 : 0));
      if (!module) {
        fresh.unknown_reason = dump.modules->space().find(frame.pc)
                                   ? "no file behind this mapping (code made at run time)"
                                   : "nothing is mapped at this address";
        continue;
      }
      fresh.module = module->path;
      fresh.module_offset = frame.pc - module->bias;
      if (!module->image) fresh.unknown_reason = module->why.message();
      Request& request = by_module[module];
      request.module = module;
      request.frames.push_back(place->second);
    }
  }
  std::vector<Request> requests;
  for (auto& [module, request] : by_module) {
    named.module_paths.push_back(module->path);
    requests.push_back(std::move(request));
  }
  named.module_build_ids.resize(requests.size());
  // Modules without a file have no names; they keep their place so that build ids stay parallel.
  std::vector<Request> readable;
  std::vector<size_t> places;
  for (size_t i = 0; i < requests.size(); ++i)
    if (requests[i].module->image) {
      readable.push_back(std::move(requests[i]));
      places.push_back(i);
    }
  std::vector<std::string> build_ids(readable.size());
  for (size_t at = 0; at < readable.size();)
    at = run_child(readable, at, return_address, target_root_fd, deadline, build_ids, named);
  for (size_t i = 0; i < places.size(); ++i) named.module_build_ids[places[i]] = build_ids[i];
  return named;
}

}  // namespace ec
