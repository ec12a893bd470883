// Collector "stacks": the user stacks of all threads, with names. Raw form: raw/stacks.json (interned: "frames",
// "stacks", "threads") and raw/futex.bundle ("TID/ADDRESS": the memory around the futex words that threads wait on).
#pragma once

#include <string>
#include <string_view>

#include "collector/collectors/collector.h"
#include "collector/stacks/frame_names.h"
#include "collector/stacks/stack_dump.h"

namespace ec {

void gather_stacks(GatherContext& context);
void parse_stacks(const RawStore& store, Snapshot& snapshot);

// The text of raw/stacks.json, and back. Errors: malformed.
std::string stacks_json(const StackDump& dump, const NamedStacks& named, StackMode asked,
                        std::chrono::milliseconds max_pause);
Result<Stacks> parse_stacks_json(std::string_view where, std::string_view text);

// Blanks runs of printable text: lock words are small numbers and pointers, and text beside them may be a secret.
std::string without_text(std::string_view bytes);

}  // namespace ec
