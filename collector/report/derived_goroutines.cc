#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "collector/analysis/goroutine_groups.h"
#include "collector/analysis/words.h"
#include "collector/base/text.h"
#include "collector/report/derived.h"
#include "collector/report/json_text.h"
#include "collector/report/text_layout.h"

namespace ec::derived {

namespace {

using Out = std::back_insert_iterator<std::string>;

constexpr size_t kMostIds = 10;

std::string place(const GoFrame& frame) {
  std::string text = frame.function.empty() ? fmt::format("{:#x}", frame.pc) : plain_line(frame.function, 300);
  if (!frame.file.empty()) fmt::format_to(Out(text), "  {}:{}", plain_line(frame.file, 300), frame.line);
  return text;
}

// "40 × chan receive, for at least 12 min".
std::string header(const GoroutinesAtStack& group) {
  std::string text = fmt::format("{} × {}", group.members.size(), plain_line(group.state, 60));
  if (group.longest_seconds) text += fmt::format(", for at least {}", human_duration(*group.longest_seconds));
  return text;
}

void group_text(std::string& text, const RuntimeGoroutines& all, const GoroutinesAtStack& group) {
  text += '\n' + header(group) + "\n    goroutine";
  for (size_t i = 0; i < std::min(group.members.size(), kMostIds); ++i)
    fmt::format_to(Out(text), " {}", group.members[i]->id);
  if (group.members.size() > kMostIds) fmt::format_to(Out(text), " and {} more", group.members.size() - kMostIds);
  text += '\n';
  size_t number = 0;
  if (group.stack)
    for (uint32_t index : group.stack->frames)
      if (index < all.frames.size())
        fmt::format_to(Out(text), "    {:>2}  {}{}\n", number++, place(all.frames[index]),
                       all.frames[index].inlined ? "  (inlined)" : "");
  if (group.stack && !group.stack->whole) text += "        (not complete)\n";
  if (!group.members.front()->note.empty())
    fmt::format_to(Out(text), "        ({})\n", plain_line(group.members.front()->note, 120));
  if (auto creator = group.members.front()->creator; creator && *creator < all.frames.size())
    fmt::format_to(Out(text), "        created by {}\n", place(all.frames[*creator]));
}

std::string frame_json(const GoFrame& frame) {
  std::string text = fmt::format("{{\"pc\":\"{:#x}\",", frame.pc);
  append_json_field(text, "function", frame.function);
  append_json_field(text, "file", frame.file);
  return text + fmt::format("\"line\":{},\"inlined\":{}}}", frame.line, frame.inlined);
}

// Frames and stacks once each, by number: there may be hundreds of thousands of goroutines.
std::string goroutines_json(const RuntimeGoroutines& all) {
  std::string out = "{\"schema\":1,";
  append_json_field(out, "go", all.version);
  append_json_field(out, "layout", all.layout);
  fmt::format_to(Out(out), "\"listed\":{},\"ended\":{},\"left_out\":{},", all.listed, all.ended, all.left_out);
  append_json_field(out, "why_left_out", all.why_left_out);
  out += "\"frames\":[";
  const char* comma = "\n";
  for (const GoFrame& frame : all.frames) out += std::exchange(comma, ",\n") + frame_json(frame);
  out += "\n],\"stacks\":[";
  comma = "\n";
  for (const GoStack& stack : all.stacks)
    fmt::format_to(Out(out), "{}{{\"whole\":{},\"frames\":[{}]}}", std::exchange(comma, ",\n"), stack.whole,
                   fmt::join(stack.frames, ","));
  out += "\n],\"goroutines\":[";
  comma = "\n";
  for (const Goroutine& one : all.goroutines) {
    fmt::format_to(Out(out), "{}{{\"id\":{},", std::exchange(comma, ",\n"), one.id);
    append_json_field(out, "state", one.state);
    if (one.waiting_seconds) fmt::format_to(Out(out), "\"waiting_seconds\":{:.3f},", *one.waiting_seconds);
    if (one.creator) fmt::format_to(Out(out), "\"creator\":{},", *one.creator);
    if (one.stack) fmt::format_to(Out(out), "\"stack\":{},", *one.stack);
    if (one.tid != 0) fmt::format_to(Out(out), "\"tid\":{},", one.tid);
    if (one.channel)
      fmt::format_to(Out(out), "\"channel\":{{\"address\":\"{:#x}\",\"element_bytes\":{},\"others\":{}}},",
                     one.channel->address, one.channel->element_bytes, one.channel->others);
    if (!one.note.empty()) append_json_field(out, "note", one.note);
    fmt::format_to(Out(out), "\"system\":{}}}", one.system);
  }
  return out + "\n]}\n";
}

}  // namespace

std::string goroutines_text(const RuntimeGoroutines& all) {
  std::string text =
      fmt::format("{} of Go {}, read from memory without a stop ({}).\n", counted(own_goroutines(all), "goroutine"),
                  plain_line(all.version, 40), plain_line(all.layout, 80));
  if (all.left_out > 0)
    text += fmt::format("{} of {} in the runtime's list were left out: {}.\n", all.left_out, all.listed,
                        plain_line(all.why_left_out, 200));
  text += "Times count from the garbage collection that first saw a goroutine wait.\n";
  for (const GoroutinesAtStack& group : group_goroutines(all)) group_text(text, all, group);
  auto system = group_goroutines(all, true);
  if (!system.empty()) text += "\nOf the runtime itself:\n";
  for (const GoroutinesAtStack& group : system) group_text(text, all, group);
  return text;
}

void goroutines(const Snapshot& snapshot, Artifacts& out) {
  if (!snapshot.goroutines) return;
  out.push_back({"threads/goroutines.txt", "raw/goroutines.txt", goroutines_text(*snapshot.goroutines)});
  out.push_back({"threads/goroutines.json", "raw/goroutines.txt", goroutines_json(*snapshot.goroutines)});
}

}  // namespace ec::derived
