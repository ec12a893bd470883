// The reader of goroutines: the input is the table of functions and all of memory, and the text of the archive.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include "collector/collectors/goroutines.h"
#include "collector/runtimes/go_channels.h"
#include "collector/runtimes/go_stack.h"

namespace {

using namespace ec;

constexpr uint64_t kBase = 0x1000;

class InputAsMemory : public RuntimeMemory {
 public:
  explicit InputAsMemory(std::string_view bytes) : bytes_(bytes) {}
  // The same bytes again and again, so that pointers lead somewhere.
  size_t read(uint64_t address, void* destination, size_t size) override {
    if (bytes_.empty() || address < kBase) return 0;
    uint64_t at = (address - kBase) % bytes_.size();
    size_t count = std::min<size_t>(size, bytes_.size() - at);
    std::memcpy(destination, bytes_.data() + at, count);
    return count;
  }

 private:
  std::string_view bytes_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)ec::parse_goroutines_text("goroutines.txt", bytes);
  (void)ec::go_pc_value(bytes, 0, 100, 1);
  (void)ec::data_references(bytes, kBase, kBase, kBase + (1 << 20));
  InputAsMemory memory(bytes);
  (void)ec::wait_reasons_at(memory, kBase);
  for (uint32_t magic : {0xfffffffbu, 0xfffffffau, 0xfffffff0u, 0xfffffff1u}) {
    std::string table(reinterpret_cast<const char*>(&magic), 4);
    table += std::string("\0\0\1\10", 4);
    table += bytes;
    auto functions = GoPcTable::parse(std::move(table), kBase);
    if (!functions) continue;
    (void)functions->named("runtime.allgadd");
    GoProgram program{"1.19", *go_layout("1.19"), std::move(*functions), 0, kBase, 0, {}};
    GoStackWalker walker(program, memory);
    (void)walker.walk(kBase + size / 2, kBase, kBase + (1 << 20), bytes.substr(0, 64));
    GoroutineLimits limits;
    limits.goroutines = 64;
    program.wait_reasons = {"", "chan receive", "chan send"};
    if (auto read = read_goroutines(program, memory, limits))
      (void)read_channels(program, memory, *read, Deadline::never());
  }
  return 0;
}
