// Where CPython keeps what a stack is made of. 3.8 to 3.12 have no description in memory, so their offsets are a table,
// read from the DWARF of 3.8.18, 3.9.18, 3.10.13, 3.11.7 and 3.12.1 for x86-64; they are the same in every release of
// one minor version, whose ABI is frozen. From 3.13 on _PyRuntime begins with a description of itself, _Py_DebugOffsets
// (CPython 3.13, Include/internal/pycore_runtime.h).
#pragma once

#include <cstdint>
#include <string_view>

#include "collector/base/error.h"
#include "collector/runtimes/python_lines.h"

namespace ec {

struct PythonLayout {
  // How one finds out which frames one call of the evaluator runs.
  enum class Evaluators {
    kEach,     // to 3.10: it runs one frame
    kIsEntry,  // 3.11: up to and including a frame with is_entry
    kShims,    // 3.12 and later: up to a frame that is owned by the C stack and has no function
  };
  Evaluators evaluators = Evaluators::kEach;
  PythonLineTable lines = PythonLineTable::kLocations;

  // Offsets in bytes.
  uint64_t runtime_interpreters = 0, runtime_gil = 0;  // runtime_gil: to 3.11, one for all interpreters; else 0
  uint64_t interpreter_next = 0, interpreter_threads = 0, interpreter_gil = 0;      // interpreter_gil: of a pointer
  uint64_t thread_next = 0, thread_frame = 0, thread_id = 0, native_thread_id = 0;  // native_thread_id: 0 = has none
  bool through_cframe = false;  // 3.11, 3.12: thread_frame points to a _PyCFrame
  uint64_t cframe_frame = 0;    // and the frame stands there
  uint64_t frame_code = 0, frame_previous = 0, frame_instruction = 0;
  uint64_t frame_entry = 0;            // of is_entry, or of owner; kEach: has none
  bool instruction_is_address = true;  // else an index, counted in `instruction_unit` bytes
  int instruction_unit = 1;
  uint64_t code_first_line = 0, code_file = 0, code_name = 0, code_qualified_name = 0, code_lines = 0,
           code_instructions = 0;  // code_qualified_name: 0 = has none
  uint64_t gil_holder = 0, gil_locked = 0;
  uint64_t ascii_text = 0, wide_text = 0;  // of the characters in a string
  bool has_gil = true;                     // false: a free-threaded build
};

// 3.8 to 3.12. Errors: unsupported.
Result<PythonLayout> python_layout(int minor);

constexpr size_t kPythonDebugOffsetsSize = 568;
// The first kPythonDebugOffsetsSize bytes of a _PyRuntime that begins with the cookie "xdebugpy". Errors: malformed (no
// cookie, offsets that cannot be), unsupported (a version that is not known: 3.14 changed the form).
Result<PythonLayout> python_layout_from_debug_offsets(std::string_view bytes);

}  // namespace ec
