// Names, lines and inlined frames for the frames of a dump. Symbol tables are hostile input of any size: they are read
// in a process of its own, so that a crash or an endless one costs names, never stacks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collector/base/clock.h"
#include "collector/stacks/jit_frames.h"
#include "collector/stacks/stack_dump.h"

namespace ec {

struct NamedFrame {
  uint64_t pc = 0;
  FoundBy found_by = FoundBy::kRegisters;
  std::string module;          // "" = no file behind the mapping
  uint64_t module_offset = 0;  // address as in the ELF file
  std::string symbol;          // "" = unknown
  uint64_t symbol_offset = 0;
  std::string unknown_reason;  // why symbol is empty
  std::string file = {};       // "" = unknown
  int line = 0;
  bool inlined = false;         // a function that was inlined into the next frame; both have the same pc
  bool return_address = false;  // the call is before pc
  uint64_t back() const { return return_address ? 1 : 0; }
};

struct NamedStacks {
  std::vector<NamedFrame> frames;             // different ones only
  std::vector<std::vector<uint32_t>> stacks;  // parallel to StackDump::stacks: indices into frames, innermost first
  std::vector<std::string> module_paths, module_build_ids;  // of the modules in frames
};

// `target_root_fd`: of the target's root directory, for separate debug files; -1 = none. `debug_directories` as in
// DebugPlaces. `jit` names what has no file. Every distinct pc is looked up once. After `deadline` the rest stays
// without names and says so.
NamedStacks name_frames(const StackDump& dump, int target_root_fd, Deadline deadline,
                        const std::vector<std::string>& debug_directories = {}, const JitFrames& jit = {});

// Sets files and lines, of the most frequent frames first, and puts inlined functions as frames of their own into the
// stacks. After `deadline` the rest stays without.
void add_lines(const StackDump& dump, int target_root_fd, Deadline deadline,
               const std::vector<std::string>& debug_directories, NamedStacks& named);

}  // namespace ec
