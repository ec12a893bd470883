// What a program tells about code that it made: a perf map, a jitdump file, an object for debuggers with its call frame
// information, and the memory that its list of objects is in, whose first byte is at address 0x10000.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include "collector/stacks/gdb_jit.h"
#include "collector/stacks/jit_object.h"
#include "symbolize/jitdump.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ec;
  constexpr uint64_t kBase = 0x10000;
  std::string bytes(reinterpret_cast<const char*>(data), size);
  const std::vector<uint64_t> addresses{0, 0x10, 0x1008, 0x7000, 0x7f1e7dfe3f48, 0x7f1e7dfe4000, UINT64_MAX};
  (void)names_in_perf_map(bytes, addresses);
  (void)names_in_jitdump(ByteSource("jitdump", bytes), addresses, Deadline::never());
  if (auto object = ElfFile::open(ByteSource("object", bytes))) {
    (void)names_in_jit_object(*object, addresses);
    (void)jit_descriptor_in(*object);
    JitFrameInfo info = jit_frame_info(*object, 0x7000);
    CfiTable::Extent extent{info.eh_frame_address, info.eh_frame.size()};
    auto image = ElfImage::of_memory(extent.address, std::move(info.eh_frame));
    CfiTable table(*image, extent, [&] { return info.debug_frame; });
    for (uint64_t address : addresses) (void)table.find(address);
  }
  (void)jit_code_ranges(bytes);
  auto read = [&](uint64_t address, void* destination, size_t count) -> size_t {
    if (address < kBase || address - kBase >= bytes.size()) return 0;
    count = std::min<size_t>(count, bytes.size() - (address - kBase));
    std::memcpy(destination, bytes.data() + (address - kBase), count);
    return count;
  };
  JitObjects objects(read);
  objects.add_list(kBase, Deadline::never());
  (void)names_in_jit_objects(objects, addresses);
  for (uint64_t address : addresses)
    if (JitObject* object = objects.at(address)) (void)object->cfi->find(address);
  return 0;
}
