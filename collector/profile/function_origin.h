// Who a function of a profile belongs to: the program, a library that comes with its language, or what works beneath
// both. A profile that blames the garbage collector for a program that allocates helps nobody.
#pragma once

#include <cstdint>
#include <string_view>

namespace ec {

enum class FunctionOrigin : uint8_t { kProgram, kLibrary, kRuntime };

// By its name alone: Go ("regexp.(*machine).step" is of the library, "runtime.mallocgc" and "sync.(*Mutex).Lock" are of
// the runtime), C and C++ (malloc(3) and its kin, memcpy(3), locks of libpthread: runtime; "std::": library), kernel
// functions as profilers mark them ("[k] do_syscall_64"). What is not known is of the program.
FunctionOrigin origin_of(std::string_view function);

// What a runtime is at, while it is not the program's own code that runs.
// kForCaller: what the program asks for, done at once (memmove, a lookup in a map), or where a signal met it
// (runtime.asyncPreempt): the time is the caller's own.
enum class RuntimeWork : uint8_t {
  kNone,
  kForCaller,
  kOther,
  kWaiting,
  kLocking,
  kSystemCall,
  kAllocation,
  kGarbageCollection
};
constexpr size_t kRuntimeWorks = 8;
// What this function says of it. In a stack the largest one of its functions counts: a collection that an allocation
// must help with (runtime.gcAssistAlloc) is garbage collection.
RuntimeWork work_of(std::string_view function);
std::string_view to_string(RuntimeWork work);  // "garbage collection", "memory allocation", "system calls" …

}  // namespace ec
