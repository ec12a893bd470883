// What threads wait on in futex(2), of the collector "stacks". Raw form: raw/futex.bundle with the sections
//   TID/ADDRESS     the memory around the word, [address - 48, address + 64)
//   name/ADDRESS    of a word that is a variable of a file: module, symbol and offset from it, one per line
//   block/POINTER   what stands where a lock of stdio says that its owner's struct pthread is: its pointer to itself
//                   (64 bits) and its thread id (32 bits)
#pragma once

#include <functional>
#include <vector>

#include "collector/collectors/collector.h"
#include "collector/stacks/frame_names.h"
#include "collector/stacks/stack_dump.h"

namespace ec {

// Names for the frames of a dump until the deadline, as name_frames() gives them.
using Namer = std::function<NamedStacks(const StackDump&, Deadline)>;
// Lends the modules of the dump to it.
void gather_futex_words(GatherContext& context, StackDump& dump, const Namer& name);

// Puts them into the threads, which are in the order of their tids. Other sections are left alone.
void apply_futex_words(const RawStore& store, std::vector<Thread>& threads);

}  // namespace ec
