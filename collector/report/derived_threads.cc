#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "collector/analysis/frame_runs.h"
#include "collector/analysis/thread_words.h"
#include "collector/analysis/words.h"
#include "collector/base/text.h"
#include "collector/report/derived.h"
#include "collector/report/json_text.h"
#include "collector/report/text_layout.h"

namespace ec::derived {

namespace {

using Out = std::back_insert_iterator<std::string>;

// "  3  handle_request(Conn&)+0x1c  /usr/bin/app  server.cc:42"
// "  3  handle (app.py:42)  /srv/app.py"
void frame_line(std::string& text, size_t number, const Frame& frame) {
  fmt::format_to(Out(text), "    {:>2}  {}", number, plain_line(frame_name(frame, 300), 300));
  if (frame.found_by == "python") {
    fmt::format_to(Out(text), "  {}\n", plain_line(frame.file, 200));
    return;
  }
  if (frame.inlined)
    text += "  (inlined)";
  else if (!frame.symbol.empty())
    fmt::format_to(Out(text), "+{:#x}", frame.symbol_offset);
  if (!frame.module.empty() && !frame.inlined) fmt::format_to(Out(text), "  {}", plain_line(frame.module, 200));
  if (!frame.file.empty()) fmt::format_to(Out(text), "  {}:{}", plain_line(frame.file, 200), frame.line);
  if (frame.found_by == "scan") text += "  (guessed)";
  if (frame.symbol.empty() && !frame.unknown_reason.empty())
    fmt::format_to(Out(text), "  ({})", plain_line(frame.unknown_reason, 80));
  text += '\n';
}

std::string pause_words(const Pause& pause) {
  std::string words = fmt::format(
      "Mode {}: {} stopped, {} read without a stop; pause {} µs in all, {} µs for the worst thread, budget {} µs; {} "
      "system calls interrupted.\n",
      pause.mode, pause.threads_stopped, pause.threads_read_without_stop, pause.stop_us, pause.worst_thread_us,
      pause.budget_us, pause.syscalls_interrupted);
  if (!pause.why_gentler.empty())
    words += fmt::format("Asked was {}: {}.\n", plain_line(pause.asked, 20), plain_line(pause.why_gentler, 200));
  return words;
}

void frame_lines(std::string& text, const ThreadIndex& index, const std::vector<uint32_t>& frames) {
  for (const FrameRun& run : frame_runs(frames)) {
    for (size_t i = run.begin; i < run.begin + run.length; ++i)
      if (auto* frame = index.frame(frames[i])) frame_line(text, i, *frame);
    if (run.times > 1)
      fmt::format_to(Out(text), "        (and {} {} times more)\n",
                     run.length == 1 ? "this frame" : fmt::format("these {} frames", run.length), run.times - 1);
  }
}

void group_header(std::string& text, const ThreadIndex& index, const ThreadGroup& group, size_t most_lines) {
  fmt::format_to(Out(text), "{} × state {}: {}\n", counted(group.tids.size(), "thread"),
                 plain_line(std::string(1, group.example->state), 4),
                 plain_line(doing_at_stack(index, *group.example), 300));
  // Names with their tids, so that a tid cited as evidence is found here.
  std::string line = "   ";
  size_t lines = 0;
  for (size_t i = 0; i < group.tids.size(); ++i) {
    int tid = group.tids[i];
    auto* thread = index.thread(tid);
    bool named = thread && !thread->name.empty();  // a core has no names
    std::string entry = named ? fmt::format(" {}={}", tid, plain_line(thread->name, 32)) : fmt::format(" {}", tid);
    if (line.size() + entry.size() > 118) {
      text += line + "\n";
      if (++lines == most_lines) {
        fmt::format_to(Out(text), "    and {} more\n", group.tids.size() - i);
        return;
      }
      line = "   ";
    }
    line += entry;
  }
  text += line + "\n";
}

std::string stacks_txt(const Snapshot& snapshot, const ThreadIndex& index, size_t most_lines_of_names) {
  auto groups = group_threads(snapshot, index);
  std::string text = fmt::format("{} in {}, the largest first; frames from the innermost.\n",
                                 counted(snapshot.threads->size(), "thread"), counted(groups.size(), "group"));
  if (snapshot.core && snapshot.stacks)
    fmt::format_to(Out(text), "From the core file {}.\n", plain_line(snapshot.core->path, 200));
  else if (snapshot.stacks)
    text += pause_words(snapshot.stacks->pause);
  else
    fmt::format_to(Out(text), "No user stacks: {}.\n", plain_line(snapshot.stacks.why().message(), 300));
  for (auto& group : groups) {
    text += '\n';
    group_header(text, index, group, most_lines_of_names);
    if (group.example->kernel_frames)
      for (auto& frame : *group.example->kernel_frames)
        fmt::format_to(Out(text), "     k  {}\n", plain_line(frame, 200));
    if (group.stack) {
      frame_lines(text, index, group.stack->frames);
      if (!group.stack->python_note.empty())
        fmt::format_to(Out(text), "        (Python: {})\n", plain_line(group.stack->python_note, 200));
      frame_lines(text, index, group.stack->python_frames);
      if (group.stack->end != "root")
        fmt::format_to(Out(text), "        (not complete: {})\n", plain_line(group.stack->end, 60));
    } else if (auto* entry = index.thread_stack(group.tids.front()); entry && !entry->note.empty()) {
      fmt::format_to(Out(text), "        (no user stack: {})\n", plain_line(entry->note, 200));
    }
  }
  return text;
}

// Each frame and each stack becomes text once, however many threads share it.
class JsonStacks {
 public:
  explicit JsonStacks(const Stacks& stacks) {
    std::vector<std::string> frames;
    frames.reserve(stacks.frames.size());
    for (auto& frame : stacks.frames) frames.push_back(frame_json(frame));
    auto list = [&](const std::vector<uint32_t>& numbers) {
      std::string text = "[";
      for (uint32_t number : numbers)
        if (number < frames.size()) {
          if (text.size() > 1) text += ',';
          text += frames[number];
        }
      return text + "]";
    };
    texts_.reserve(stacks.stacks.size());
    for (auto& stack : stacks.stacks) texts_.push_back(list(stack.frames) + apart(stack, list));
    first_ = stacks.stacks.data();
  }
  const std::string& text(const Stack* stack) const {
    static const std::string kNone = "[]";
    return stack ? texts_[static_cast<size_t>(stack - first_)] : kNone;
  }

 private:
  // Python frames that have no place among the others.
  static std::string apart(const Stack& stack, const auto& list) {
    std::string text;
    if (!stack.python_frames.empty()) text += ",\"python_frames\":" + list(stack.python_frames);
    if (!stack.python_note.empty()) {
      text += ",\"python_note\":";
      append_json_string(text, stack.python_note);
    }
    return text;
  }
  static std::string frame_json(const Frame& frame) {
    std::string text = fmt::format("{{\"pc\":\"{:#x}\",", frame.pc);
    append_json_field(text, "module", frame.module);
    append_json_field(text, "build_id", frame.build_id);
    fmt::format_to(Out(text), "\"module_offset\":\"{:#x}\",", frame.module_offset);
    append_json_field(text, "symbol", frame.symbol);
    fmt::format_to(Out(text), "\"symbol_offset\":{},", frame.symbol_offset);
    append_json_field(text, "file", frame.file);
    fmt::format_to(Out(text), "\"line\":{},\"inlined\":{},", frame.line, frame.inlined);
    if (!frame.unknown_reason.empty()) append_json_field(text, "unknown_reason", frame.unknown_reason);
    text += "\"found_by\":";
    append_json_string(text, frame.found_by);
    return text + "}";
  }

  std::vector<std::string> texts_;
  const Stack* first_ = nullptr;
};

void thread_json(std::string& out, const Thread& thread, const ThreadStack* entry, const Stack* stack,
                 const JsonStacks& stacks) {
  fmt::format_to(Out(out), "{{\"tid\":{},\"ns_tid\":{},", thread.tid, thread.ns_tid);
  append_json_field(out, "name", thread.name);
  append_json_field(out, "state", std::string(1, thread.state));
  append_json_field(out, "wchan", thread.wchan == "0" ? "" : thread.wchan);
  append_json_field(out, "syscall",
                    thread.call ? thread.call->text.empty() ? thread.call->name : thread.call->text : std::string());
  append_json_field(out, "read_by", entry ? entry->read_by : "proc");
  if (thread.cpu_cores) fmt::format_to(Out(out), "\"cpu_cores\":{:.4f},", *thread.cpu_cores);
  if (entry && entry->pause_us > 0) fmt::format_to(Out(out), "\"pause_us\":{:.1f},", entry->pause_us);
  if (entry && entry->interrupted_call) out += "\"interrupted_call\":true,";
  if (entry && !entry->note.empty()) append_json_field(out, "note", entry->note);
  out += "\"frames\":";
  out += stacks.text(stack);
  out += ",\"kernel_frames\":[";
  if (thread.kernel_frames)
    for (size_t i = 0; i < thread.kernel_frames->size(); ++i) {
      if (i > 0) out += ',';
      append_json_string(out, (*thread.kernel_frames)[i]);
    }
  out += "],\"end\":";
  append_json_string(out, stack ? stack->end : "");
  out += '}';
}

std::string stacks_json(const Snapshot& snapshot, const ThreadIndex& index) {
  static const Stacks kNone;
  const Stacks& stacks = snapshot.stacks ? *snapshot.stacks : kNone;
  JsonStacks texts(stacks);
  std::string out = "{\"schema\":1,\"pause\":";
  if (snapshot.stacks) {
    auto& pause = stacks.pause;
    out += '{';
    append_json_field(out, "mode", pause.mode);
    append_json_field(out, "asked", pause.asked);
    append_json_field(out, "why_gentler", pause.why_gentler);
    fmt::format_to(Out(out),
                   "\"budget_us\":{},\"stop_us\":{},\"worst_thread_us\":{},\"threads_stopped\":{},\"threads_read_"
                   "without_stop\":{},\"syscalls_interrupted\":{}}}",
                   pause.budget_us, pause.stop_us, pause.worst_thread_us, pause.threads_stopped,
                   pause.threads_read_without_stop, pause.syscalls_interrupted);
  } else {
    out += "null";
  }
  out += ",\"threads\":[";
  bool first = true;
  for (auto& thread : *snapshot.threads) {
    out += first ? "\n" : ",\n";
    first = false;
    thread_json(out, thread, index.thread_stack(thread.tid), index.stack(thread.tid), texts);
  }
  out += "\n],\"groups\":[";
  first = true;
  for (auto& group : group_threads(snapshot, index)) {
    fmt::format_to(Out(out), "{}{{\"count\":{},\"tids\":[{}],\"frames\":{}}}", first ? "\n" : ",\n", group.tids.size(),
                   fmt::join(group.tids, ","), texts.text(group.stack));
    first = false;
  }
  return out + "\n]}\n";
}

}  // namespace

std::string stacks_text(const Snapshot& snapshot, size_t most_lines_of_names) {
  return stacks_txt(snapshot, ThreadIndex(snapshot), most_lines_of_names);
}

void threads(const Snapshot& snapshot, Artifacts& out) {
  if (!snapshot.threads) return;
  ThreadIndex index(snapshot);
  std::string source = "raw/stacks.json, " + raw_process(snapshot, "task.bundle");
  out.push_back({"threads/stacks.txt", source, stacks_txt(snapshot, index, SIZE_MAX)});
  out.push_back({"threads/stacks.json", source, stacks_json(snapshot, index)});
}

}  // namespace ec::derived
