#include "collector/stacks/unwinder.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>

#include "collector/stacks/unwind_further.h"
#include "tests/unit/stacks/image_builder.h"

namespace ec {

namespace {

// A program at 0x10000 and its stack. The code is bytes that the tests choose; return addresses are believed only
// behind a call instruction.
constexpr uint64_t kStack = 0x7ffd00000000, kStackEnd = kStack + 0x200000;
constexpr std::string_view kMaps =
    "00010000-00020000 r-xp 00000000 08:02 42 /opt/program\n"
    "7ffd00000000-7ffd00200000 rw-p 00000000 00:00 0 [stack]\n";

struct World {
  explicit World(const test::ImageForm& form) {
    auto space = parse_address_space("maps", kMaps);
    REQUIRE(space);
    modules = std::make_unique<Modules>(0, *space, nullptr);
    auto image = ElfImage::from_bytes(test::build_image(form), "program");
    REQUIRE(image);
    modules->preset(0x10000, std::move(*image));
    unwinder = std::make_unique<Unwinder>(*modules);
  }

  // `words` from `sp` upwards.
  PcStack unwind(uint64_t pc, uint64_t sp, const std::vector<uint64_t>& words,
                 std::optional<uint64_t> rbp = std::nullopt) {
    Registers registers;
    registers.set(Register::kRip, pc);
    registers.set(Register::kRsp, sp);
    if (rbp) registers.set(Register::kRbp, *rbp);
    std::vector<StackBytes> stack{{sp, reinterpret_cast<const char*>(words.data()), words.size() * 8}};
    return unwinder->unwind(registers, stack);
  }

  std::unique_ptr<Modules> modules;
  std::unique_ptr<Unwinder> unwinder;
};

// Function A at 0x11000, B at 0x11020, C at 0x11040, each 32 bytes. At +5 of each ends a direct call to A.
std::string three_callers() {
  std::string code;
  for (int i = 0; i < 3; ++i) {
    code += '\xe8';
    test::put<int32_t>(code, -(i * 32 + 5));
    code += std::string(27, '\x90');
  }
  return code;
}
constexpr uint64_t kA = 0x11000, kB = 0x11020, kC = 0x11040;
const std::vector<test::Function> kWithCfi{{kA, 32}, {kB, 32}, {kC, 32}};

std::vector<uint64_t> pcs(const PcStack& stack) {
  std::vector<uint64_t> list;
  for (const PcFrame& frame : stack.frames) list.push_back(frame.pc);
  return list;
}

// Fields of /proc/self/statm are in pages.
uint64_t resident_bytes() {
  uint64_t size = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  return resident * 4096;
}

}  // namespace

TEST_CASE("unwinders give their memory back") {
  auto one = [] {
    World world({.functions = kWithCfi, .code = three_callers()});
    CHECK(world.unwind(kA + 1, kStack + 0x100, {kB + 5, kC + 5, 0}).frames.size() == 3);
  };
  for (int i = 0; i < 20; ++i) one();
  const uint64_t before = resident_bytes();
  for (int i = 0; i < 500; ++i) one();
  CHECK(resident_bytes() < before + (uint64_t{4} << 20));
}

TEST_CASE("call frame information leads outwards to a return address of zero") {
  World world({.functions = kWithCfi, .code = three_callers()});
  PcStack stack = world.unwind(kA + 1, kStack + 0x100, {kB + 5, kC + 5, 0});
  CHECK(pcs(stack) == std::vector<uint64_t>{kA + 1, kB + 5, kC + 5});
  CHECK(stack.end == StackEnd::kRoot);
  CHECK(stack.frames[0].found_by == FoundBy::kRegisters);
  CHECK_FALSE(stack.frames[0].return_address);
  CHECK(stack.frames[1].found_by == FoundBy::kCfi);
  CHECK(stack.frames[1].return_address);
}

TEST_CASE("a return address behind the last byte of a function belongs to it") {
  // The call is the last instruction of B, as before noreturn functions: the return address is C's first byte.
  World world({.functions = {{kA, 32}, {kB, 32}}, .code = three_callers()});
  PcStack stack = world.unwind(kA + 1, kStack + 0x100, {kC, 0});
  CHECK(pcs(stack) == std::vector<uint64_t>{kA + 1, kC});
  CHECK(stack.end == StackEnd::kRoot);
}

TEST_CASE("a stack that is cut says which memory was missing") {
  World world({.functions = kWithCfi, .code = three_callers()});
  PcStack stack = world.unwind(kA + 1, kStack + 0x100, {kB + 5});
  CHECK(pcs(stack) == std::vector<uint64_t>{kA + 1, kB + 5});
  CHECK(stack.end == StackEnd::kBadMemory);
  CHECK(stack.missing_address == kStack + 0x108);
}

TEST_CASE("what the search table hides is found by libdw, and the first engine goes on from there") {
  World world({.functions = {{kA, 32}, {kC, 32}, {kB, 32}}, .code = three_callers(), .not_in_table = 1});
  // A (in the table) was called by B (not in it), and that by C, which nothing called.
  PcStack stack = world.unwind(kA + 1, kStack + 0x100, {kB + 5, kC + 5, 0}, 7);
  CHECK(pcs(stack) == std::vector<uint64_t>{kA + 1, kB + 5, kC + 5});
  CHECK(stack.end == StackEnd::kRoot);
  CHECK(stack.frames[1].found_by == FoundBy::kCfi);
  CHECK(stack.frames[2].found_by == FoundBy::kLibdw);
  CHECK(stack.frames[2].return_address);
  CHECK_FALSE(stack.needs_registers);
  CHECK(to_string(stack.frames[2].found_by) == "libdw");
  // It also knows that nothing called B.
  stack = world.unwind(kA + 1, kStack + 0x100, {kB + 5, 0}, 7);
  CHECK(pcs(stack) == std::vector<uint64_t>{kA + 1, kB + 5});
  CHECK(stack.end == StackEnd::kRoot);
}

TEST_CASE("libdw is asked a bounded number of times for one stack") {
  World world({.functions = {{kA, 32}, {kB, 32}}, .code = three_callers(), .not_in_table = 1});
  std::vector<uint64_t> words(500, kB + 5);
  PcStack stack = world.unwind(kA + 1, kStack, words, 7);
  auto by_libdw = std::count_if(stack.frames.begin(), stack.frames.end(),
                                [](const PcFrame& frame) { return frame.found_by == FoundBy::kLibdw; });
  CHECK(by_libdw == 64);
  CHECK(stack.frames.size() < 80);
}

TEST_CASE("without information a leaf's return address is on top, then frame pointers lead on") {
  World world({.functions = {}, .code = three_callers()});
  uint64_t sp = kStack + 0x100;
  // [sp] = return into B; rbp of B at sp + 16: saved 0, return into C.
  PcStack stack = world.unwind(kA + 1, sp, {kB + 5, 7, 0, kC + 5}, sp + 16);
  CHECK(pcs(stack) == std::vector<uint64_t>{kA + 1, kB + 5, kC + 5});
  CHECK(stack.frames[1].found_by == FoundBy::kLeaf);
  CHECK(stack.frames[2].found_by == FoundBy::kFramePointer);
  CHECK(stack.end == StackEnd::kRoot);
  CHECK_FALSE(stack.needs_registers);
}

TEST_CASE("a word that no call stands before is no return address") {
  World world({.functions = {}, .code = three_callers()});
  PcStack stack = world.unwind(kA + 1, kStack + 0x100, {kB + 9, kB + 5, 0});
  CHECK(pcs(stack) == std::vector<uint64_t>{kA + 1, kB + 5});
  CHECK(stack.frames[1].found_by == FoundBy::kScan);
  CHECK(stack.needs_registers);
}

TEST_CASE("scanning ends after two frames in a row") {
  World world({.functions = {}, .code = three_callers()});
  std::vector<uint64_t> words(64, kB + 5);
  words[0] = 1;
  PcStack stack = world.unwind(kA + 1, kStack + 0x100, words);
  CHECK(stack.frames.size() <= 4);
  CHECK(stack.end == StackEnd::kNoUnwindInfo);
}

TEST_CASE("a frame pointer chain that goes back or in circles ends") {
  World world({.functions = {}, .code = three_callers()});
  uint64_t sp = kStack + 0x100;
  PcStack stack = world.unwind(kA + 9, sp, {1, 2, sp + 16, kB + 5, 3}, sp + 16);
  CHECK(stack.frames.size() < 4);
}

TEST_CASE("a trampoline of signals without information is known by its bytes, and the interrupted frame is no call") {
  std::string code = three_callers();
  code += std::string("\x48\xc7\xc0\x0f\0\0\0\x0f\x05", 9);
  World world({.functions = kWithCfi, .code = code});
  uint64_t trampoline = 0x11060, sp = kStack + 0x100;
  // A was called by the kernel with the trampoline as return address; ucontext: 40 bytes, then r8 … rsp, rip.
  std::vector<uint64_t> words{trampoline, 0, 0, 0, 0, 0};
  for (int i = 0; i < 15; ++i) words.push_back(0);
  words.push_back(kStack + 0x800);  // rsp
  words.push_back(kC + 9);          // rip
  words.resize(0x800 / 8 - 0x100 / 8);
  words.push_back(kB + 5);  // at kStack + 0x800: C's return address
  words.push_back(0);
  PcStack stack = world.unwind(kA + 1, sp, words);
  CHECK(pcs(stack) == std::vector<uint64_t>{kA + 1, trampoline, kC + 9, kB + 5});
  CHECK(stack.frames[2].found_by == FoundBy::kSignalFrame);
  CHECK_FALSE(stack.frames[2].return_address);
  CHECK(stack.end == StackEnd::kRoot);
}

TEST_CASE("deep stacks share an allowance: once it is used up, each is cut at 1,024 frames") {
  World world({.functions = kWithCfi, .code = three_callers()});
  std::vector<uint64_t> words(kMostFrames, kB + 5);
  std::vector<size_t> fetches;
  auto fetch = [&](uint64_t address, char* to, size_t size) {
    size_t first = (address - kStack) / 8, count = std::min(size / 8, words.size() - std::min(first, words.size()));
    std::copy_n(reinterpret_cast<const char*>(words.data() + std::min(first, words.size())), count * 8, to);
    fetches.push_back(count * 8);
    return count * 8;
  };
  Registers registers;
  registers.set(Register::kRip, kA + 1);
  registers.set(Register::kRsp, kStack);
  StackRoom room;
  auto frames = [&] {
    size_t got = fetch(kStack, room.first(), kStackCap);
    return room.unwind(*world.unwinder, world.modules->space(), registers, {{kStack, room.first(), got}}, fetch)
        .frames.size();
  };
  CHECK(frames() > kMostFrames - 100);
  // 64 KiB, and as much again as all before: five copies for a MiB.
  CHECK(fetches.size() <= 6);
  CHECK(frames() == 1024);
}

TEST_CASE("nothing mapped, and stacks of every word the same, end at once or at the limit") {
  World world({.functions = kWithCfi, .code = three_callers()});
  CHECK(world.unwind(0, kStack, {0, 0}).frames.size() == 1);
  CHECK(world.unwind(UINT64_MAX, UINT64_MAX - 3, {0, 0}).frames.size() == 1);
  std::vector<uint64_t> words(kMostFrames + 100, kB + 5);
  PcStack stack = world.unwind(kA + 1, kStack, words);
  CHECK(stack.end == StackEnd::kLimit);
  CHECK(stack.frames.size() == kMostFrames);
}

}  // namespace ec
