// Goroutines as read from outside, without the program's help. Frames and stacks are interned: many share a few.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ec {

struct GoFrame {
  uint64_t pc = 0;
  std::string function, file;  // "" = unknown
  int line = 0;                // 0 = unknown
  bool inlined = false;        // into the next frame
};

struct GoStack {
  std::vector<uint32_t> frames;  // indices into RuntimeGoroutines::frames, innermost first
  bool whole = false;            // it reaches the function that the goroutine began with
};

// The one channel that a goroutine waits for, in a send or a receive outside of select.
struct GoChannelWait {
  uint64_t address = 0;        // of runtime.hchan
  uint32_t element_bytes = 0;  // 0: it only signals, as ctx.Done() does
  uint32_t others = 0;         // goroutines that wait for it too, or whose stacks have its address
};

struct Goroutine {
  uint64_t id = 0;
  std::string state;  // of a Go traceback: "running", "runnable", "syscall", "chan receive", "IO wait" …
  std::optional<double> waiting_seconds;  // at least: since the garbage collection that first saw it wait
  std::optional<uint32_t> creator;        // index into frames: the go statement
  std::optional<uint32_t> stack;          // index into stacks
  int tid = 0;                            // of the thread that runs it or waits in its system call; 0 = none
  bool system = false;                    // of the runtime itself; a Go traceback leaves it out
  std::optional<GoChannelWait> channel;
  std::string note;  // why there is no stack, or where it is from
};

struct RuntimeGoroutines {
  std::string version, layout;  // "1.19.8"; where the offsets are from: "table for Go 1.19"
  uint64_t listed = 0;          // by the runtime, with those that ended and wait to be used again
  uint64_t ended = 0, left_out = 0;
  std::string why_left_out;
  std::vector<GoFrame> frames;
  std::vector<GoStack> stacks;
  std::vector<Goroutine> goroutines;  // by id
};

}  // namespace ec
