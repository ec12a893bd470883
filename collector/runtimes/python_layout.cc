#include "collector/runtimes/python_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "collector/base/bytes.h"

namespace ec {

namespace {

// PyFrameObject, PyThreadState and PyCodeObject of 3.8 and 3.9; all three interpreters have their GIL in _PyRuntime.
PythonLayout layout_3_8() {
  PythonLayout layout;
  layout.evaluators = PythonLayout::Evaluators::kEach;
  layout.lines = PythonLineTable::kLnotab;
  layout.runtime_interpreters = 32;
  layout.runtime_gil = 1152;
  layout.interpreter_next = 0;
  layout.interpreter_threads = 8;
  layout.thread_next = 8;
  layout.thread_frame = 24;
  layout.thread_id = 176;
  layout.frame_code = 32;
  layout.frame_previous = 24;
  layout.frame_instruction = 104;
  layout.instruction_is_address = false;
  layout.code_first_line = 40;
  layout.code_file = 104;
  layout.code_name = 112;
  layout.code_lines = 120;
  layout.gil_holder = 8;
  layout.gil_locked = 16;
  layout.ascii_text = 48;
  layout.wide_text = 72;
  return layout;
}

PythonLayout layout_3_9() {
  PythonLayout layout = layout_3_8();
  layout.runtime_gil = 352;
  return layout;
}

PythonLayout layout_3_10() {
  PythonLayout layout = layout_3_9();
  layout.lines = PythonLineTable::kLineTable;
  layout.frame_instruction = 96;
  layout.instruction_unit = 2;
  return layout;
}

PythonLayout layout_3_11() {
  PythonLayout layout;
  layout.evaluators = PythonLayout::Evaluators::kIsEntry;
  layout.runtime_interpreters = 40;
  layout.runtime_gil = 360;
  layout.interpreter_next = 0;
  layout.interpreter_threads = 16;
  layout.thread_next = 8;
  layout.thread_frame = 56;
  layout.thread_id = 152;
  layout.native_thread_id = 160;
  layout.through_cframe = true;
  layout.cframe_frame = 8;
  layout.frame_code = 32;
  layout.frame_previous = 48;
  layout.frame_instruction = 56;
  layout.frame_entry = 68;
  layout.code_first_line = 72;
  layout.code_file = 112;
  layout.code_name = 120;
  layout.code_qualified_name = 128;
  layout.code_lines = 136;
  layout.code_instructions = 184;
  layout.gil_holder = 8;
  layout.gil_locked = 16;
  layout.ascii_text = 48;
  layout.wide_text = 72;
  return layout;
}

PythonLayout layout_3_12() {
  PythonLayout layout = layout_3_11();
  layout.evaluators = PythonLayout::Evaluators::kShims;
  layout.runtime_gil = 0;
  layout.interpreter_threads = 72;
  layout.interpreter_gil = 384;
  layout.thread_id = 136;
  layout.native_thread_id = 144;
  layout.cframe_frame = 0;
  layout.frame_code = 0;
  layout.frame_previous = 8;
  layout.frame_entry = 70;
  layout.code_first_line = 68;
  layout.code_instructions = 192;
  layout.ascii_text = 40;
  layout.wide_text = 56;
  return layout;
}

}  // namespace

Result<PythonLayout> python_layout(int minor) {
  switch (minor) {
    case 8:
      return layout_3_8();
    case 9:
      return layout_3_9();
    case 10:
      return layout_3_10();
    case 11:
      return layout_3_11();
    case 12:
      return layout_3_12();
    default:
      // From 3.13 on the interpreter says itself where everything is; without that nothing is known of any of them.
      return fail(ErrorCode::kUnsupported, "",
                  minor > 12 ? fmt::format("Python 3.{} without readable _Py_DebugOffsets in its _PyRuntime: where its "
                                           "frames are is not known",
                                           minor)
                             : fmt::format("Python frames of 3.{} are not known; 3.8 to 3.13 are", minor));
  }
}

Result<PythonLayout> python_layout_from_debug_offsets(std::string_view bytes) {
  const char* where = "_PyRuntime";
  if (bytes.size() < kPythonDebugOffsetsSize || !bytes.starts_with("xdebugpy"))
    return fail(ErrorCode::kMalformed, where, "expected _Py_DebugOffsets");
  auto field = [&](size_t offset) {
    ByteCursor cursor(bytes);
    cursor.skip(offset);
    return cursor.read<uint64_t>().value_or(0);
  };
  uint64_t version = field(8);
  if (version >> 16 != 0x030d)
    return fail(ErrorCode::kUnsupported, where,
                fmt::format("Python frames of {}.{} are not known; 3.8 to 3.13 are", version >> 24 & 0xff,
                            version >> 16 & 0xff));
  PythonLayout layout;
  layout.evaluators = PythonLayout::Evaluators::kShims;
  layout.has_gil = field(16) == 0;
  layout.runtime_interpreters = field(40);
  layout.interpreter_next = field(64);
  layout.interpreter_threads = field(72);
  layout.interpreter_gil = field(112);
  // These two are counted from the start of the interpreter, whose own lock this is.
  layout.gil_locked = field(136) - field(120);
  layout.gil_holder = field(144) - field(120);
  layout.thread_next = field(168);
  layout.thread_frame = field(184);
  layout.thread_id = field(192);
  layout.native_thread_id = field(200);
  layout.frame_previous = field(232);
  layout.frame_code = field(240);
  layout.frame_instruction = field(248);
  layout.frame_entry = field(264);
  layout.code_file = field(280);
  layout.code_name = field(288);
  layout.code_qualified_name = field(296);
  layout.code_lines = field(304);
  layout.code_first_line = field(312);
  layout.code_instructions = field(344);
  layout.ascii_text = field(560);
  layout.wide_text = layout.ascii_text + 16;  // PyCompactUnicodeObject: utf8_length, utf8
  // Frames, threads and code objects are small; interpreters hold caches.
  constexpr uint64_t kSmall = 4096, kLarge = uint64_t{64} << 20;
  const std::array small{layout.thread_next,       layout.thread_frame,        layout.thread_id,
                         layout.native_thread_id,  layout.frame_previous,      layout.frame_code,
                         layout.frame_instruction, layout.frame_entry,         layout.code_file,
                         layout.code_name,         layout.code_qualified_name, layout.code_lines,
                         layout.code_first_line,   layout.code_instructions,   layout.ascii_text,
                         layout.gil_locked,        layout.gil_holder};
  const std::array large{layout.runtime_interpreters, layout.interpreter_next, layout.interpreter_threads,
                         layout.interpreter_gil};
  if (std::any_of(small.begin(), small.end(), [](uint64_t offset) { return offset > kSmall; }) ||
      std::any_of(large.begin(), large.end(), [](uint64_t offset) { return offset > kLarge; }))
    return fail(ErrorCode::kMalformed, where, "expected offsets within their objects");
  return layout;
}

}  // namespace ec
