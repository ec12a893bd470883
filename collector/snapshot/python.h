// What the memory of a Python interpreter tells: its threads and frames, and who holds its global lock (GIL).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collector/snapshot/threads.h"

namespace ec {

struct PythonThread {
  int tid = 0;                       // 0: none of the threads of the process
  std::vector<uint32_t> frames;      // indices into PythonRuntime::frames, innermost first
  std::vector<uint32_t> evaluators;  // how many of them each call of the evaluator runs, innermost first
  bool whole = false;                // all its frames were read
  std::string note;                  // why not
};

struct PythonLock {
  uint64_t address = 0, size = 0;  // of the lock with its condition variables: a futex in it is a wait for the GIL
  bool held = false;
  int holder = 0;  // tid; 0: nobody, or not known
};

struct PythonRuntime {
  std::string version;  // "3.11.2"
  std::string module;   // file that holds the interpreter, as the target names it
  std::vector<Frame> frames;
  std::vector<PythonThread> threads;
  std::vector<PythonLock> locks;  // one, except where interpreters have their own
  std::string cut;                // why there are no more threads; "" = these are all
};

}  // namespace ec
