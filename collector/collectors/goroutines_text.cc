#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "collector/base/text.h"
#include "collector/collectors/goroutines.h"

namespace ec {

namespace {

using Out = std::back_insert_iterator<std::string>;

constexpr size_t kLongestField = 1000;

// A tab or a newline would be another field or line.
std::string field(std::string_view text) {
  std::string clean = printable_line(text, kLongestField);
  std::replace(clean.begin(), clean.end(), '\t', ' ');
  return clean;
}

// -1 or an index below `size`; false for anything else.
bool take_index(std::string_view text, size_t size, std::optional<uint32_t>& index) {
  if (text == "-1") return true;
  auto number = parse_number<uint32_t>(text);
  if (!number || *number >= size) return false;
  index = number;
  return true;
}

bool take_frame(const std::vector<std::string_view>& fields, RuntimeGoroutines& all) {
  if (fields.size() != 6) return false;
  auto pc = parse_number<uint64_t>(fields[1], 16);
  auto line = parse_number<int>(fields[4]);
  if (!pc || !line) return false;
  all.frames.push_back({*pc, std::string(fields[2]), std::string(fields[3]), *line, fields[5] == "1"});
  return true;
}

bool take_stack(const std::vector<std::string_view>& fields, RuntimeGoroutines& all) {
  if (fields.size() != 3) return false;
  GoStack& stack = all.stacks.emplace_back();
  stack.whole = fields[1] == "whole";
  FieldCursor numbers(fields[2]);
  while (auto word = numbers.word()) {
    auto number = parse_number<uint32_t>(*word);
    if (!number || *number >= all.frames.size()) return false;
    stack.frames.push_back(*number);
  }
  return true;
}

bool take_goroutine(const std::vector<std::string_view>& fields, RuntimeGoroutines& all) {
  if (fields.size() != 9) return false;
  Goroutine one;
  auto id = parse_number<uint64_t>(fields[1]);
  auto waiting = parse_number<int64_t>(fields[3]);
  auto tid = parse_number<int>(fields[6]);
  if (!id || !waiting || !tid || !take_index(fields[4], all.frames.size(), one.creator) ||
      !take_index(fields[5], all.stacks.size(), one.stack))
    return false;
  one.id = *id;
  one.state = fields[2];
  if (*waiting >= 0) one.waiting_seconds = static_cast<double>(*waiting) / 1e9;
  one.tid = *tid;
  one.system = fields[7] == "system";
  one.note = fields[8];
  all.goroutines.push_back(std::move(one));
  return true;
}

bool take_list(const std::vector<std::string_view>& fields, RuntimeGoroutines& all) {
  if (fields.size() != 5) return false;
  auto listed = parse_number<uint64_t>(fields[1]), ended = parse_number<uint64_t>(fields[2]),
       left_out = parse_number<uint64_t>(fields[3]);
  if (!listed || !ended || !left_out) return false;
  all.listed = *listed;
  all.ended = *ended;
  all.left_out = *left_out;
  all.why_left_out = fields[4];
  return true;
}

}  // namespace

std::string goroutines_text(const RuntimeGoroutines& all) {
  std::string text = fmt::format("go\t{}\t{}\nlist\t{}\t{}\t{}\t{}\n", field(all.version), field(all.layout),
                                 all.listed, all.ended, all.left_out, field(all.why_left_out));
  for (const GoFrame& frame : all.frames)
    fmt::format_to(Out(text), "frame\t{:x}\t{}\t{}\t{}\t{}\n", frame.pc, field(frame.function), field(frame.file),
                   frame.line, frame.inlined ? 1 : 0);
  for (const GoStack& stack : all.stacks)
    fmt::format_to(Out(text), "stack\t{}\t{}\n", stack.whole ? "whole" : "cut", fmt::join(stack.frames, " "));
  for (const Goroutine& one : all.goroutines) {
    fmt::format_to(Out(text), "g\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n", one.id, field(one.state),
                   one.waiting_seconds ? static_cast<int64_t>(*one.waiting_seconds * 1e9) : -1,
                   one.creator ? int64_t{*one.creator} : -1, one.stack ? int64_t{*one.stack} : -1, one.tid,
                   one.system ? "system" : "user", field(one.note));
    if (one.channel)
      fmt::format_to(Out(text), "channel\t{}\t{:x}\t{}\t{}\n", one.id, one.channel->address, one.channel->element_bytes,
                     one.channel->others);
  }
  return text;
}

namespace {

// Of a goroutine above it.
bool take_channel(const std::vector<std::string_view>& fields, RuntimeGoroutines& all) {
  if (fields.size() != 5 || all.goroutines.empty()) return false;
  auto id = parse_number<uint64_t>(fields[1]), address = parse_number<uint64_t>(fields[2], 16);
  auto element = parse_number<uint32_t>(fields[3]), others = parse_number<uint32_t>(fields[4]);
  if (!id || !address || !element || !others || all.goroutines.back().id != *id) return false;
  all.goroutines.back().channel = GoChannelWait{*address, *element, *others};
  return true;
}

}  // namespace

Result<RuntimeGoroutines> parse_goroutines_text(std::string_view where, std::string_view text) {
  RuntimeGoroutines all;
  LineCursor lines(where, text);
  while (auto line = lines.next()) {
    auto fields = split(*line, '\t');
    if (fields.front() == "go") {
      if (fields.size() != 3) return tl::unexpected(lines.expected("'go', a version, a layout"));
      all.version = fields[1];
      all.layout = fields[2];
    } else if (fields.front() == "list") {
      if (!take_list(fields, all)) return tl::unexpected(lines.expected("'list', three counts, a reason"));
    } else if (fields.front() == "frame") {
      if (!take_frame(fields, all))
        return tl::unexpected(lines.expected("'frame', an address, a function, a file, a line, 0 or 1"));
    } else if (fields.front() == "stack") {
      if (!take_stack(fields, all)) return tl::unexpected(lines.expected("'stack', whole or cut, frames before it"));
    } else if (fields.front() == "g") {
      if (!take_goroutine(fields, all))
        return tl::unexpected(lines.expected("'g' and eight fields, with a frame and a stack before it"));
    } else if (fields.front() == "channel") {
      if (!take_channel(fields, all))
        return tl::unexpected(lines.expected("'channel' and four fields, of the goroutine before it"));
    } else {
      return tl::unexpected(lines.expected("'go', 'list', 'frame', 'stack', 'g' or 'channel'"));
    }
  }
  if (all.version.empty() && all.goroutines.empty())
    return fail(ErrorCode::kMalformed, fmt::format("{}:1", where), "expected 'go', a version, a layout");
  std::stable_sort(all.goroutines.begin(), all.goroutines.end(),
                   [](const Goroutine& a, const Goroutine& b) { return a.id < b.id; });
  return all;
}

}  // namespace ec
