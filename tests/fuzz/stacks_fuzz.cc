// Everything of the stack reader that takes bytes of the target; the first byte says which kind they are of: an ELF
// file, stacks.json, a bundle, or else the text of a /proc file and a .debug_frame section.
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "collector/collectors/stacks.h"
#include "collector/collectors/threads.h"
#include "collector/stacks/debug_frames.h"
#include "collector/stacks/libdw_engine.h"
#include "collector/stacks/unwinder.h"
#include "collector/target/address_space.h"
#include "collector/target/task_syscall.h"
#include "tests/support/raw_stores.h"

namespace {

using namespace ec;

// The input is a module at 0x10000; its last KiB is the stack as well.
void unwind(std::string_view bytes) {
  auto space = parse_address_space("maps",
                                   "10000-90000 r-xp 0 08:02 42 /program\n"
                                   "7ffd00000000-7ffd00010000 rw-p 0 00:00 0 [stack]\n");
  auto image = ElfImage::from_bytes(std::string(bytes), "image");
  if (!space || !image) return;
  Modules modules(0, *space, nullptr);
  modules.preset(0x10000, std::move(*image));
  Unwinder unwinder(modules);
  std::string_view tail = bytes.substr(bytes.size() - std::min<size_t>(bytes.size(), 1024));
  Registers registers;
  uint64_t pc = 0;
  std::memcpy(&pc, tail.data(), std::min<size_t>(tail.size(), 2));
  registers.set(Register::kRip, 0x10000 + pc);
  registers.set(Register::kRsp, 0x7ffd00000100);
  registers.set(Register::kRbp, 0x7ffd00000140);
  std::vector<StackBytes> stack{{0x7ffd00000100, tail.data(), tail.size()}};
  unwinder.unwind(registers, stack);
  // The second engine by itself, with the registers that the first one hardly ever leaves to it.
  LibdwEngine libdw(modules);
  libdw.walk(registers, stack, 64);
  bool return_address = false;
  for (int i = 0; i < 16; ++i) {
    CfiStepper::Step step = libdw.step(registers, stack, return_address);
    if (step.outcome != CfiStepper::Outcome::kStepped) break;
    registers = step.registers;
    return_address = !step.interrupted;
  }
}

void debug_frames(std::string_view bytes) {
  DebugFrames frames{std::string(bytes)};
  for (uint64_t address = 0x1000; address < 0x1200; address += 8)
    if (auto found = frames.find(address)) {
      char word[8];
      for (uint64_t at = found->entry; frames.read(at, word, sizeof word); at += sizeof word) continue;
    }
}

void collectors(std::string_view bytes) {
  RawStore store;
  for (const char* path :
       {"raw/proc/42/task.bundle", "raw/second/proc/42/task.bundle", "raw/stacks.json", "raw/futex.bundle"})
    test::put(store, path, bytes);
  Snapshot snapshot;
  snapshot.target.pid = 42;
  parse_threads(store, snapshot);
  parse_stacks(store, snapshot);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.empty()) return 0;
  switch (bytes[0]) {
    case '\x7f':
      unwind(bytes);
      break;
    case '{':
      (void)ec::parse_stacks_json("stacks.json", bytes);
      break;
    case '=':
      collectors(bytes);
      break;
    default:
      debug_frames(bytes);
      (void)ec::parse_address_space("maps", bytes);
      (void)ec::parse_task_syscall("syscall", bytes);
  }
  return 0;
}
