#include "collector/collectors/stacks.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "collector/collectors/added_names.h"
#include "collector/collectors/futex_words.h"
#include "collector/collectors/json_members.h"
#include "collector/collectors/target_source.h"
#include "collector/stacks/core_dump.h"

namespace ec {

namespace {

using nlohmann::json;

constexpr std::string_view kStacksPath = "raw/stacks.json";
constexpr size_t kShortestText = 6;

std::string_view mode_word(StackMode mode) {
  switch (mode) {
    case StackMode::kAuto:
      return "auto";
    case StackMode::kConsistent:
      return "consistent";
    case StackMode::kNoStop:
      return "no-stop";
    case StackMode::kKernel:
      return "kernel";
    case StackMode::kNone:
      return "none";
  }
  return {};
}

// Functions that nothing called: where threads, goroutines and the scheduler stacks of Go begin.
bool begins_a_stack(std::string_view symbol) {
  constexpr std::array<std::string_view, 12> kFirst{"_start",
                                                    "_dl_start_user",
                                                    "clone",
                                                    "clone3",
                                                    "__clone",
                                                    "__clone3",
                                                    "runtime.goexit",
                                                    "runtime.mstart",
                                                    "runtime.rt0_go",
                                                    "runtime.mcall",
                                                    "runtime.systemstack",
                                                    "thread_start"};
  size_t end = std::min(symbol.find(".abi0"), symbol.size());
  return std::find(kFirst.begin(), kFirst.end(), symbol.substr(0, end)) != kFirst.end();
}

std::string_view end_of(const PcStack& stack, const std::vector<uint32_t>& frames, const NamedStacks& named) {
  if (stack.end == StackEnd::kNoUnwindInfo && !frames.empty() && begins_a_stack(named.frames[frames.back()].symbol))
    return to_string(StackEnd::kRoot);
  return to_string(stack.end);
}

std::string hex(uint64_t value) { return fmt::format("{:#x}", value); }

json pause_json(std::string_view mode, StackMode asked, std::string_view why_gentler,
                std::chrono::milliseconds max_pause) {
  return {{"mode", mode},
          {"asked", mode_word(asked)},
          {"why_gentler", why_gentler},
          {"budget_us", std::chrono::duration_cast<std::chrono::microseconds>(max_pause).count()}};
}

std::string dump_json(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

Frame frame_of(const json& object, const std::vector<std::pair<std::string, std::string>>& modules) {
  Frame frame;
  frame.pc = hex_of(object, "pc");
  if (auto index = object.find("module");
      index != object.end() && index->is_number_unsigned() && index->get<uint64_t>() < modules.size()) {
    frame.module = modules[index->get<size_t>()].first;
    frame.build_id = modules[index->get<size_t>()].second;
  }
  frame.module_offset = hex_of(object, "offset");
  frame.symbol = text_of(object, "symbol");
  frame.symbol_offset = hex_of(object, "symbol_offset");
  frame.unknown_reason = text_of(object, "unknown");
  frame.found_by = text_of(object, "found_by");
  frame.file = text_of(object, "file");
  frame.line = std::max(int_of(object, "line"), 0);
  frame.inlined = flag_of(object, "inlined");
  frame.return_address = flag_of(object, "return_address");
  return frame;
}

Pause pause_of(const json& object) {
  Pause pause;
  pause.mode = text_of(object, "mode");
  pause.asked = text_of(object, "asked");
  pause.why_gentler = text_of(object, "why_gentler");
  pause.budget_us = signed_of(object, "budget_us");
  pause.stop_us = signed_of(object, "stop_us");
  pause.worst_thread_us = signed_of(object, "worst_thread_us");
  pause.threads_stopped = int_of(object, "threads_stopped");
  pause.threads_read_without_stop = int_of(object, "threads_read_without_stop");
  pause.syscalls_interrupted = int_of(object, "syscalls_interrupted");
  return pause;
}

}  // namespace

std::string without_text(std::string_view bytes) {
  std::string clean(bytes);
  auto printable = [](char c) { return c >= 0x20 && c < 0x7f; };
  for (size_t at = 0; at < clean.size();) {
    size_t end = at;
    while (end < clean.size() && printable(clean[end])) ++end;
    if (end - at >= kShortestText)
      std::fill(clean.begin() + static_cast<std::ptrdiff_t>(at), clean.begin() + static_cast<std::ptrdiff_t>(end),
                '\0');
    at = std::max(end, at + 1);
  }
  return clean;
}

std::string stacks_json(const StackDump& dump, const NamedStacks& named, StackMode asked,
                        std::chrono::milliseconds max_pause) {
  json root;
  json& pause = root["pause"] = pause_json(to_string(dump.mode), asked, dump.why_gentler, max_pause);
  pause["stop_us"] = (dump.stop_ns + 999) / 1000;
  pause["worst_thread_us"] = (dump.worst_thread_ns + 999) / 1000;
  pause["threads_stopped"] = dump.threads_stopped;
  pause["threads_read_without_stop"] = dump.threads_read_without_stop;
  pause["syscalls_interrupted"] = dump.calls_interrupted;

  json& modules = root["modules"] = json::array();
  std::map<std::string_view, size_t> module_index;
  for (size_t i = 0; i < named.module_paths.size(); ++i) {
    module_index.emplace(named.module_paths[i], i);
    modules.push_back({{"path", named.module_paths[i]}, {"build_id", named.module_build_ids[i]}});
  }
  json& frames = root["frames"] = json::array();
  for (const NamedFrame& frame : named.frames) {
    json& object = frames.emplace_back(json::object());
    object["pc"] = hex(frame.pc);
    object["found_by"] = to_string(frame.found_by);
    if (auto module = module_index.find(frame.module); module != module_index.end()) object["module"] = module->second;
    if (!frame.module.empty()) object["offset"] = hex(frame.module_offset);
    if (!frame.symbol.empty()) {
      object["symbol"] = frame.symbol;
      object["symbol_offset"] = hex(frame.symbol_offset);
    } else {
      object["unknown"] = frame.unknown_reason;
    }
    if (!frame.file.empty()) {
      object["file"] = frame.file;
      object["line"] = frame.line;
    }
    if (frame.inlined) object["inlined"] = true;
    if (frame.return_address) object["return_address"] = true;
  }
  json& stacks = root["stacks"] = json::array();
  for (size_t i = 0; i < named.stacks.size(); ++i)
    stacks.push_back({{"end", end_of(dump.stacks[i], named.stacks[i], named)}, {"frames", named.stacks[i]}});
  json& threads = root["threads"] = json::array();
  for (const DumpedThread& thread : dump.threads) {
    json& object = threads.emplace_back(json::object());
    object["tid"] = thread.tid;
    object["read_by"] = to_string(thread.read_by);
    if (thread.stack) object["stack"] = *thread.stack;
    if (thread.pause_ns > 0) object["pause_us"] = std::ceil(static_cast<double>(thread.pause_ns) / 100) / 10;
    if (thread.interrupted_call) object["interrupted_call"] = true;
    if (!thread.note.empty()) object["note"] = thread.note;
  }
  return dump_json(root);
}

Result<Stacks> parse_stacks_json(std::string_view where, std::string_view text) {
  json root = json::parse(text, nullptr, false);
  if (!root.is_object()) return fail(ErrorCode::kMalformed, std::string(where), "expected a JSON object");
  Stacks stacks;
  if (auto pause = root.find("pause"); pause != root.end() && pause->is_object()) stacks.pause = pause_of(*pause);
  std::vector<std::pair<std::string, std::string>> modules;
  for (const json& module : list_of(root, "modules"))
    modules.emplace_back(module.is_object() ? text_of(module, "path") : "",
                         module.is_object() ? text_of(module, "build_id") : "");
  for (const json& frame : list_of(root, "frames"))
    stacks.frames.push_back(frame.is_object() ? frame_of(frame, modules) : Frame{});
  for (const json& each : list_of(root, "stacks")) {
    Stack& stack = stacks.stacks.emplace_back();
    if (!each.is_object()) continue;
    stack.end = text_of(each, "end");
    for (const json& index : list_of(each, "frames")) {
      if (!index.is_number_unsigned() || index.get<uint64_t>() >= stacks.frames.size())
        return fail(ErrorCode::kMalformed, std::string(where), "expected indices of frames in \"stacks\"");
      stack.frames.push_back(index.get<uint32_t>());
    }
  }
  for (const json& each : list_of(root, "threads")) {
    if (!each.is_object()) continue;
    ThreadStack thread;
    thread.tid = int_of(each, "tid");
    thread.read_by = text_of(each, "read_by");
    if (auto index = each.find("stack"); index != each.end()) {
      if (!index->is_number_unsigned() || index->get<uint64_t>() >= stacks.stacks.size())
        return fail(ErrorCode::kMalformed, std::string(where), "expected indices of stacks in \"threads\"");
      thread.stack = index->get<uint32_t>();
      for (uint32_t frame : stacks.stacks[*thread.stack].frames) {
        ++stacks.total_frames;
        if (stacks.frames[frame].symbol.empty()) ++stacks.unresolved_frames;
      }
    }
    if (auto pause = each.find("pause_us"); pause != each.end() && pause->is_number())
      thread.pause_us = pause->get<double>();
    thread.interrupted_call = flag_of(each, "interrupted_call");
    thread.note = text_of(each, "note");
    stacks.threads.push_back(std::move(thread));
  }
  std::stable_sort(stacks.threads.begin(), stacks.threads.end(),
                   [](const ThreadStack& a, const ThreadStack& b) { return a.tid < b.tid; });
  return stacks;
}

void gather_stacks(GatherContext& context) {
  const CoreFile* core = context.options.core.get();
  const std::string source =
      core ? source_of(context)
           : fmt::format("/proc/{0}/task, process_vm_readv and ptrace of {0}", context.target->pid);
  StackMode asked = context.options.stacks;
  if (asked == StackMode::kNone || asked == StackMode::kKernel) {
    // Kernel stacks and wait channels come with the threads collector.
    json root{{"pause", pause_json(mode_word(asked), asked, "", context.options.max_pause)}};
    context.out.artifact(kStacksPath, source, dump_json(root), Redact::kNothing);
    context.out.failed("raw/user_stacks", source,
                       Error{ErrorCode::kSkipped, "", fmt::format("--stacks {}", mode_word(asked)), 0},
                       "--stacks auto");
    return;
  }
  const TargetIdentity& target = *context.target;
  DumpRequest request;
  request.pid = target.pid;
  request.live_tid = target.live_tid > 0 ? target.live_tid : target.pid;
  request.mode = asked == StackMode::kConsistent ? DumpMode::kConsistent
                 : asked == StackMode::kNoStop   ? DumpMode::kNoStop
                                                 : DumpMode::kAuto;
  request.max_pause = context.options.max_pause;
  request.restart_interrupted = context.options.restart_interrupted;
  request.deadline = context.deadline;
  request.debug_directories = context.options.debug_directories;
  request.may_try = [&](const std::string& what) {
    if (std::find(context.hung.begin(), context.hung.end(), what) != context.hung.end()) return false;
    context.out.touch(what, what.starts_with("file "));
    return true;
  };
  Result<StackDump> dump = core ? dump_core({core, context.options.core_executable, request.debug_directories,
                                             context.deadline, request.may_try})
                                : dump_stacks(request);
  if (!dump) return context.out.failed(kStacksPath, source, dump.error(), fix_for(dump.error(), source));
  context.out.touch("names");
  UniqueFd root;  // of a core: that of the host
  if (!core) root.reset(open(fmt::format("/proc/{}/root", request.live_tid).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  // Enough of the budget stays for handing the result over.
  Deadline names_until = context.deadline.after_share(0.8);
  const auto& directories = context.options.debug_directories;
  JitFrames jit = name_jit_frames(*dump, core ? 0 : request.live_tid, root.get(), names_until);
  NamedStacks named = name_frames(*dump, root.get(), names_until, directories, jit);
  if (context.options.lines) add_lines(*dump, root.get(), names_until, directories, named);
  gather_futex_words(context, *dump, [&](const StackDump& variables, Deadline deadline) {
    return name_frames(variables, root.get(), deadline);
  });
  std::string text = stacks_json(*dump, named, asked, context.options.max_pause);
  auto without =
      std::count_if(dump->threads.begin(), dump->threads.end(), [](const DumpedThread& each) { return !each.stack; });
  if (without == 0) return context.out.artifact(kStacksPath, source, text, Redact::kNothing);
  auto first =
      std::find_if(dump->threads.begin(), dump->threads.end(), [](const DumpedThread& each) { return !each.stack; });
  context.out.partial(kStacksPath, source, text,
                      fmt::format("{} of {} threads without a user stack, e.g. {}: {}", without, dump->threads.size(),
                                  first->tid, first->note),
                      Redact::kNothing);
}

void parse_stacks(const RawStore& store, Snapshot& snapshot) {
  auto text = store.read(kStacksPath);
  if (!text)
    snapshot.stacks = text.error();
  else
    snapshot.stacks = parse_stacks_json(kStacksPath, *text);
  snapshot.added_names = read_added_names(store);
  if (snapshot.added_names && snapshot.stacks) put_names(*snapshot.added_names, *snapshot.stacks);
  if (snapshot.threads) apply_futex_words(store, *snapshot.threads);
}

}  // namespace ec
