// Where a collector finds memory and files of the target: in a live process, or in a core file (--core).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "collector/collectors/collector.h"
#include "collector/runtimes/memory.h"
#include "collector/stacks/modules.h"

namespace ec {

// Memory of a core as the readers of runtimes and locks want it. `core` must outlive it.
class CoreRuntimeMemory : public RuntimeMemory {
 public:
  explicit CoreRuntimeMemory(const CoreFile& core) : core_(core) {}
  size_t read(uint64_t address, void* destination, size_t size) override {
    return core_.read(address, destination, size);
  }

 private:
  const CoreFile& core_;
};

std::unique_ptr<RuntimeMemory> memory_of(const GatherContext& context);
// For files of the target; names each before it is opened, and refuses one that hung before. `context` must outlive it.
MayOpen may_open_of(GatherContext& context);
// Names each file before it opens it; refuses one that hung before. Errors: those of /proc/PID/maps.
Result<std::unique_ptr<Modules>> modules_of(GatherContext& context);
// As its mapping is named; "" when it is not known.
std::string executable_of(const GatherContext& context);
// In words, for the source of an artifact: "process_vm_readv of 42", "core file /tmp/core".
std::string source_of(const GatherContext& context);

}  // namespace ec
