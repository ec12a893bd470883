// The reader of Python frames over hostile memory; the first byte says what the input is: a line table,
// raw/python.json, the description that 3.13 gives of itself, a recorded memory, or the bytes that every address shows.
#include <cstdint>
#include <cstring>
#include <string_view>

#include "collector/collectors/python.h"
#include "collector/collectors/python_merge.h"
#include "collector/runtimes/recorded_memory.h"

namespace {

using namespace ec;

constexpr uint64_t kRuntime = 0x10000;

// Each address below 2^48 shows some place of the input, so that pointers lead somewhere; a few are not readable.
class InputMemory : public RuntimeMemory {
 public:
  explicit InputMemory(std::string_view bytes) : bytes_(bytes) {}
  size_t read(uint64_t address, void* destination, size_t size) override {
    if (bytes_.empty() || address >> 48 != 0 || address % 61 == 60) return 0;
    auto* out = static_cast<char*>(destination);
    for (size_t i = 0; i < size; ++i) out[i] = bytes_[(address + i) % bytes_.size()];
    return size;
  }

 private:
  std::string_view bytes_;
};

void read(RuntimeMemory& memory, const PythonLayout& layout) {
  PythonSite site;
  site.layout = layout;
  site.runtime = kRuntime;
  site.pthread_tid = 720;
  auto found = read_python(memory, site, Deadline::in(milliseconds(50)));
  if (!found) return;
  auto parsed = parse_python_json("raw/python.json", python_json(site, *found), nullptr);
  if (!parsed) __builtin_trap();  // what we write, we read
}

void merge(std::string_view bytes) {
  auto python = parse_python_json("raw/python.json", bytes, nullptr);
  if (!python) return;
  Stacks stacks;
  Frame evaluator, other;
  evaluator.symbol = "_PyEval_EvalFrameDefault";
  stacks.frames = {evaluator, other};
  stacks.stacks.push_back({{1, 0, 0, 1, 0}, "root", {}, {}});
  for (const PythonThread& thread : python->threads) stacks.threads.push_back({thread.tid, "no-stop", 0, 0, false, ""});
  merge_python(*python, stacks);
  for (const Stack& stack : stacks.stacks)
    for (const auto* frames : {&stack.frames, &stack.python_frames})
      for (uint32_t frame : *frames)
        if (frame >= stacks.frames.size()) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.empty()) return 0;
  switch (bytes[0]) {
    case '{':
      merge(bytes);
      break;
    case 'x':
      if (auto layout = python_layout_from_debug_offsets(bytes)) {
        InputMemory memory(bytes);
        read(memory, *layout);
      }
      break;
    case '=':
      if (auto memory = RecordedMemory::from_bundle("memory", bytes))
        for (int minor = 8; minor <= 12; ++minor) read(*memory, *python_layout(minor));
      break;
    default:
      for (auto form : {PythonLineTable::kLnotab, PythonLineTable::kLineTable, PythonLineTable::kLocations})
        for (int64_t offset : {int64_t{-2}, int64_t{0}, static_cast<int64_t>(size)})
          (void)python_line(form, bytes.substr(1), static_cast<int8_t>(bytes[0]), offset);
      InputMemory memory(bytes.substr(1));
      for (int minor = 8; minor <= 12; ++minor) read(memory, *python_layout(minor));
  }
  return 0;
}
