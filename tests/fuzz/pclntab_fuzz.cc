// Go's table of functions, frame sizes, files, lines and inlined calls, as the content of .gopclntab.
#include <elf.h>

#include <cstdint>
#include <memory>
#include <string>

#include "symbolize/go_pclntab.h"
#include "symbolize/go_pcvalue.h"
#include "tests/support/elf_builder.h"

using namespace ec;

namespace {

constexpr uint64_t kText = 0x1000;

template <class Work>
void for_addresses(const Work& work) {
  for (uint64_t address : {kText, kText + 1, kText + 0x40, kText + 0x80, kText + 0xff, uint64_t{0}, UINT64_MAX})
    work(address);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  if (auto table = GoPcTable::parse(bytes, kText)) {
    for_addresses([&](uint64_t address) {
      if (auto function = table->at(address)) (void)table->frame_size(*function, address);
    });
    (void)table->named("main.alpha");
  }
  test::ElfBuilder builder;
  builder.text();
  builder.section({".gopclntab", SHT_PROGBITS, SHF_ALLOC, 0x30000, bytes, 0, 0, 0});
  auto elf = ElfFile::open(ByteSource("go", builder.bytes()));
  if (!elf) return 0;
  auto functions = GoFunctions::find(std::make_shared<const ElfFile>(std::move(*elf)));
  if (!functions) return 0;
  for_addresses([&](uint64_t address) {
    (void)functions->find(address);
    (void)functions->source(address);
  });
  return 0;
}
