// The call frame information of objects that JIT compilers register, and stacks that are unwound with it.
#include "collector/stacks/jit_object.h"

#include <catch2/catch.hpp>

#include "collector/stacks/gdb_jit.h"
#include "collector/stacks/unwinder.h"
#include "tests/support/jit_object.h"

namespace ec {

namespace {

constexpr uint64_t kCode = 0x7f0000000000, kHeap = 0x7e0000000000, kStack = 0x7ffd00000000;

ElfFile opened(std::string bytes) {
  auto file = ElfFile::open(ByteSource("object", std::move(bytes)));
  REQUIRE(file);
  return std::move(*file);
}

JitFrameInfo info_of(const test::BareObject& form) { return jit_frame_info(opened(test::bare_object(form)), kCode); }

// A target whose only file is one with __jit_debug_descriptor at the beginning of its heap, which leads to `object`.
class OneObject : public ModuleFiles {
 public:
  explicit OneObject(const std::string& object) : ModuleFiles(nullptr) {
    for (uint64_t word : {uint64_t{1}, uint64_t{0}, kHeap + 24, uint64_t{0}, uint64_t{0}, kHeap + 56})
      test::append_raw(heap_, word);
    test::append_raw(heap_, uint64_t{object.size()});
    heap_ += object;
  }
  Result<std::unique_ptr<ElfImage>> open(const AddressSpace&, const Region&, std::string&) override {
    test::ElfBuilder file;
    file.text();
    file.symbols({{"__jit_debug_descriptor", kHeap, 24, STT_OBJECT}});
    return ElfImage::from_bytes(file.bytes(), "program");
  }
  size_t read_memory(uint64_t address, void* destination, size_t size) override {
    if (address < kHeap || address - kHeap >= heap_.size()) return 0;
    size = std::min<size_t>(size, heap_.size() - (address - kHeap));
    std::memcpy(destination, heap_.data() + (address - kHeap), size);
    return size;
  }

 private:
  std::string heap_;
};

constexpr std::string_view kMaps =
    "00000000-00020000 r-xp 00000000 08:02 42 /opt/program\n"
    "7f0000000000-7f0000001000 rwxp 00000000 00:00 0\n"
    "7ffd00000000-7ffd00200000 rw-p 00000000 00:00 0 [stack]\n";

// Stopped at the call in jit_inner, which jit_outer called, which 0x1234 called; rbp is that of the innermost.
PcStack unwound(const test::BareObject& form, uint64_t rbp) {
  auto space = parse_address_space("maps", kMaps);
  REQUIRE(space);
  Modules modules(*space, std::make_unique<OneObject>(test::bare_object(form)));
  Unwinder unwinder(modules);
  std::vector<uint64_t> words(22, 0x77);  // not an address of code
  words[9] = kStack + 0x140;              // rbp that jit_inner saved
  words[10] = words[11] = kCode + test::kBareOuterAt + 18;
  words[12 + 7] = 0x5bb;  // rbx that jit_outer saved
  words[12 + 8] = words[12 + 9] = 0x1234;
  words.insert(words.end(), 16, 0);
  Registers registers;
  registers.set(Register::kRip, kCode + 12);
  registers.set(Register::kRsp, kStack);
  registers.set(Register::kRbp, rbp);
  std::vector<StackBytes> stack{{kStack, reinterpret_cast<const char*>(words.data()), words.size() * 8}};
  return unwinder.unwind(registers, stack);
}

std::vector<uint64_t> addresses(const PcStack& stack) {
  std::vector<uint64_t> all;
  for (const PcFrame& frame : stack.frames) all.push_back(frame.pc);
  return all;
}

}  // namespace

TEST_CASE("code of an object is where its executable sections are in memory") {
  std::string headers;
  constexpr uint64_t kExecutable = SHF_ALLOC | SHF_EXECINSTR;
  auto add = [&](uint64_t flags, uint64_t address, uint64_t size) {
    Elf64_Shdr header{};
    header.sh_flags = flags;
    header.sh_addr = address;
    header.sh_size = size;
    test::append_raw(headers, header);
  };
  add(kExecutable, 0x7000, 0x20);
  add(kExecutable, 0, 0x20);                  // not loaded
  add(SHF_ALLOC, 0x8000, 0x20);               // variables
  add(kExecutable, 0x9000, 0);                // nothing
  add(kExecutable, UINT64_MAX - 0x10, 0x20);  // beyond the end of memory
  auto ranges = jit_code_ranges(headers + "cut");
  REQUIRE(ranges.size() == 1);
  CHECK(ranges[0].begin == 0x7000);
  CHECK(ranges[0].end == 0x7020);
}

TEST_CASE("relocations give what a compiler that put the addresses in itself gives") {
  JitFrameInfo in_place = info_of({kCode}), relocated = info_of({.code = kCode, .relocations = true});
  CHECK(in_place.eh_frame_address == kCode + test::kBareFramesAt);
  CHECK(in_place.eh_frame.size() > 100);
  CHECK(relocated.eh_frame == in_place.eh_frame);
  CHECK(info_of({.code = kCode, .type = ET_EXEC}).eh_frame == in_place.eh_frame);
  CHECK(info_of({.code = kCode, .debug_frame = true}).debug_frame.size() > 100);
}

TEST_CASE("every damaged byte of an object is survived, relocations and call frame information included") {
  std::string whole = test::bare_object({.code = kCode, .relocations = true});
  for (size_t at = 0; at < whole.size(); ++at)
    for (char value : {'\0', '\x7f', '\xff'}) {
      std::string bytes = whole;
      bytes[at] = value;
      auto file = ElfFile::open(ByteSource("object", std::move(bytes)));
      if (!file) continue;
      JitFrameInfo info = jit_frame_info(*file, kCode);
      CfiTable::Extent extent{info.eh_frame_address, info.eh_frame.size()};
      auto image = ElfImage::of_memory(extent.address, info.eh_frame);
      CfiTable table(*image, extent, [&] { return info.debug_frame; });
      (void)table.find(kCode);
      (void)table.find(kCode + test::kBareOuterAt);
    }
}

TEST_CASE("memory without a file around it is read in whole words") {
  auto image = ElfImage::of_memory(0x1003, "abc");
  CHECK(image->at<uint64_t>(0x1000) == 0x0000'6362'6100'0000);
  CHECK_FALSE(image->at<uint64_t>(0x1008));
  CHECK_FALSE(ElfImage::of_memory(UINT64_MAX - 2, "abcdefgh")->at<char>(UINT64_MAX));
}

TEST_CASE("code without frame pointers is unwound by what its compiler registered") {
  test::BareObject form = GENERATE(test::BareObject{kCode}, test::BareObject{kCode, ET_EXEC},
                                   test::BareObject{kCode, ET_REL, true}, test::BareObject{kCode, ET_REL, false, true});
  PcStack stack = unwound(form, 0);
  REQUIRE(stack.frames.size() >= 3);
  CHECK(stack.frames[1].pc == kCode + test::kBareOuterAt + 18);
  CHECK(stack.frames[1].found_by == FoundBy::kCfi);
  CHECK(stack.frames[2].pc == 0x1234);
  CHECK(stack.frames[2].found_by == FoundBy::kCfi);
}

TEST_CASE("information that leads to where no code is gives way to the frame pointer") {
  // A frame of 80 bytes instead of 96: the saved rbp is taken for the return address.
  test::BareObject untrue{.code = kCode, .inner_size = 80};
  PcStack by_pointer = unwound(untrue, kStack + 9 * 8);
  REQUIRE(by_pointer.frames.size() >= 2);
  CHECK(by_pointer.frames[1].pc == kCode + test::kBareOuterAt + 18);
  CHECK(by_pointer.frames[1].found_by == FoundBy::kFramePointer);
  // Nor is a frame believed that is larger than the stack.
  CHECK(addresses(unwound({.code = kCode, .inner_size = 16'000}, 0)) == std::vector<uint64_t>{kCode + 12});
}

}  // namespace ec
