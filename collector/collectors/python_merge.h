// Python frames in the places of the native frames that run them.
#pragma once

#include "collector/snapshot/python.h"
#include "collector/snapshot/threads.h"

namespace ec {

// The evaluator of CPython, whose frames are replaced.
bool is_python_evaluator(const Frame& frame);

// Each frame of the evaluator becomes the Python frames that this call of it runs. Where their numbers differ, because
// the thread ran between the two readings or a stack is not whole, both stay, side by side: Stack::python_frames.
void merge_python(const PythonRuntime& python, Stacks& stacks);

}  // namespace ec
