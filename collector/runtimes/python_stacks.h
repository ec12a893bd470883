// The Python frames of all threads of an interpreter, read while it runs. Nothing is believed before it has been seen
// again: a stack counts when several walks over it one after the other meet the same frames, and of one that changes
// only the outer frames that all of them met.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collector/base/clock.h"
#include "collector/base/error.h"
#include "collector/runtimes/memory.h"
#include "collector/runtimes/python_layout.h"

namespace ec {

// Where an interpreter stands in memory.
struct PythonSite {
  std::string version;  // "3.11.2", "3.8" where memory does not tell more
  std::string module;   // path of the file that holds the interpreter
  PythonLayout layout;
  uint64_t runtime = 0;                                     // _PyRuntime
  uint64_t code_type = 0, string_type = 0, bytes_type = 0;  // PyCode_Type …; 0 = not checked
  uint64_t pthread_tid = 0;  // offset of the thread id in what a pthread_t points to; 0 = unknown
};

struct PythonFrameRead {
  uint32_t code = 0;  // index into PythonRead::codes
  int line = 0;       // 0 = unknown
};

struct PythonThreadRead {
  uint64_t native_id = 0;               // as the interpreter noted it, in the target's PID namespace; 0 = it does not
  uint64_t pthread_tid = 0;             // as the C library notes it; 0 = unknown
  std::vector<PythonFrameRead> frames;  // innermost first
  std::vector<uint32_t> evaluators;     // how many of them each call of the evaluator runs, innermost first
  bool whole = false;                   // all frames
  std::string note;                     // why not
};

struct PythonCode {
  std::string file, name, qualified_name;  // qualified_name: "" before 3.11
};

struct PythonGil {
  uint64_t address = 0;
  bool held = false;
  int64_t holder = -1;  // index into PythonRead::threads; -1: nobody, or a thread that is not among them
};
constexpr uint64_t kPythonGilSize = 208;  // with its condition variables and mutexes: 3.8 to 3.13

struct PythonRead {
  std::vector<PythonCode> codes;
  std::vector<PythonThreadRead> threads;
  std::vector<PythonGil> gils;
  std::string cut;  // why there are no more threads; "" when there are none
};

// Errors: malformed (no list of interpreters at the address), timeout.
Result<PythonRead> read_python(RuntimeMemory& memory, const PythonSite& site, Deadline deadline);

}  // namespace ec
