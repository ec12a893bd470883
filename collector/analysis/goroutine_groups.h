// Goroutines that stand at the same stack in the same state, as a reader counts them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "collector/snapshot/snapshot.h"

namespace ec {

struct GoroutinesAtStack {
  std::string state;
  const GoStack* stack = nullptr;         // null: they have none, `note` says why
  std::vector<const Goroutine*> members;  // by id
  std::optional<double> longest_seconds;  // at least
  std::string note;
};

// Largest first. `system`: those of the runtime itself, else the program's own.
std::vector<GoroutinesAtStack> group_goroutines(const RuntimeGoroutines& goroutines, bool system = false);
// The program's own, as a Go traceback counts them; those that were left out are not in it.
uint64_t own_goroutines(const RuntimeGoroutines& goroutines);
// How many are in which state, the most frequent first; the program's own.
std::vector<std::pair<std::string, uint64_t>> goroutine_states(const RuntimeGoroutines& goroutines);
// In the form in which endpoints give them: different function lists.
std::vector<GoroutineGroup> goroutine_functions(const RuntimeGoroutines& goroutines);

}  // namespace ec
