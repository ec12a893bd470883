#include "collector/report/goroutine_dumps.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iterator>

#include "collector/analysis/words.h"
#include "collector/report/json_text.h"
#include "collector/report/text_layout.h"

namespace ec {

namespace {

using Out = std::back_insert_iterator<std::string>;

std::string place_text(const TextFrame& frame) {
  std::string text = plain_line(frame.function, 300);
  if (!frame.file.empty()) fmt::format_to(Out(text), "  {}:{}", plain_line(frame.file, 300), frame.line);
  return text;
}

void add_group(std::string& out, const DumpedGoroutines& group) {
  fmt::format_to(Out(out), "\n{:>6} × {}", group.count, plain_line(group.state, 60));
  if (group.longest_minutes > 0) fmt::format_to(Out(out), ", up to {}", minutes_words(group.longest_minutes));
  if (group.locked_to_thread > 0) fmt::format_to(Out(out), ", {} locked to a thread", group.locked_to_thread);
  out += '\n';
  for (const TextFrame& frame : group.frames) fmt::format_to(Out(out), "         {}\n", place_text(frame));
  if (group.elided) out += "         … frames that Go left out\n";
  if (group.no_stack) out += "         (ran on another thread: no stack)\n";
  if (!group.creator.function.empty()) fmt::format_to(Out(out), "         created by {}\n", place_text(group.creator));
}

void add_dump(std::string& out, const GoroutineDump& dump) {
  if (!dump.reason.empty()) {
    fmt::format_to(Out(out), "{}\n", plain_line(dump.reason, 600));
    if (!dump.signal.empty()) fmt::format_to(Out(out), "{}\n", plain_line(dump.signal, 200));
    fmt::format_to(Out(out), "{} goroutine {}", dump.survived ? "caught in" : "printed first:", dump.failed);
    if (dump.at) fmt::format_to(Out(out), ", in {}", place_text(*dump.at));
    out += "\n\n";
  }
  fmt::format_to(Out(out), "{} at {}, lines {} to {}\n", counted(dump.goroutines, "goroutine"),
                 counted(dump.groups.size(), "stack"), dump.first_line, dump.last_line);
  for (const DumpedGoroutines& group : dump.groups) add_group(out, group);
}

void append_frame(std::string& out, const TextFrame& frame) {
  out += '{';
  append_json_field(out, "function", frame.function);
  append_json_field(out, "file", frame.file);
  fmt::format_to(Out(out), "\"line\":{}}}", frame.line);
}

void append_group(std::string& out, const DumpedGoroutines& group) {
  fmt::format_to(Out(out), "{{\"count\":{},", group.count);
  append_json_field(out, "state", group.state);
  fmt::format_to(Out(out), "\"longest_minutes\":{},\"locked_to_thread\":{},\"elided\":{},\"no_stack\":{},\"ids\":[{}],",
                 group.longest_minutes, group.locked_to_thread, group.elided, group.no_stack,
                 fmt::join(group.ids, ","));
  out += "\"created_by\":";
  append_frame(out, group.creator);
  out += ",\"frames\":[";
  for (size_t i = 0; i < group.frames.size(); ++i) {
    if (i > 0) out += ',';
    append_frame(out, group.frames[i]);
  }
  out += "]}";
}

}  // namespace

std::string goroutine_dumps_text(const std::vector<GoroutineDump>& dumps) {
  std::string out;
  for (const GoroutineDump& dump : dumps) {
    if (!out.empty()) out += "\n";
    add_dump(out, dump);
  }
  return out;
}

std::string goroutine_dumps_json(const std::vector<GoroutineDump>& dumps) {
  std::string out = "{\"schema\":1,\"dumps\":[";
  for (size_t i = 0; i < dumps.size(); ++i) {
    const GoroutineDump& dump = dumps[i];
    out += i > 0 ? ",\n{" : "\n{";
    append_json_field(out, "reason", dump.reason);
    append_json_field(out, "signal", dump.signal);
    fmt::format_to(Out(out), "\"survived\":{},\"failed\":{},\"failed_at\":", dump.survived, dump.failed);
    append_frame(out, dump.at.value_or(TextFrame{}));
    fmt::format_to(Out(out), ",\"goroutines\":{},\"first_line\":{},\"last_line\":{},\"groups\":[", dump.goroutines,
                   dump.first_line, dump.last_line);
    for (size_t j = 0; j < dump.groups.size(); ++j) {
      out += j > 0 ? ",\n" : "\n";
      append_group(out, dump.groups[j]);
    }
    out += "]}";
  }
  return out + "]}\n";
}

}  // namespace ec
