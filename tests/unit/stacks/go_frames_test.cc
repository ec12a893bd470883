// Go code and its stacks, made by hand: the table of frame sizes beside the words of the stack.
#include "collector/stacks/go_frames.h"

#include <catch2/catch.hpp>

#include "collector/stacks/unwinder.h"
#include "tests/support/elf_builder.h"

namespace ec {

namespace {

using test::append_raw;

struct GoFunction {
  std::string name;
  uint32_t size = 0;  // of its frame, at each instruction
  uint8_t flags = 0;  // 1: nothing calls it, 2: writes the stack pointer
};

// Functions of 0x100 bytes each from 0x1000 on.
constexpr uint64_t kText = 0x1000, kEach = 0x100;

std::string varint(uint32_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

// The layout of Go 1.20.
std::string table_of(const std::vector<GoFunction>& functions) {
  std::string names, tables(1, '\0'), index, records;
  for (size_t i = 0; i < functions.size(); ++i) {
    std::string record;
    for (uint32_t value : {static_cast<uint32_t>(i * kEach), static_cast<uint32_t>(names.size()), 0u, 0u,
                           static_cast<uint32_t>(tables.size())})
      append_raw(record, value);
    record.resize(48);
    record[41] = static_cast<char>(functions[i].flags);
    append_raw(index, static_cast<uint32_t>(i * kEach));
    append_raw(index, static_cast<uint32_t>((functions.size() * 2 + 1) * 4 + records.size()));
    records += record;
    names += functions[i].name + '\0';
    tables += varint(2 * (functions[i].size + 1)) + varint(kEach) + '\0';  // from -1 up
  }
  append_raw(index, static_cast<uint32_t>(functions.size() * kEach));
  uint64_t names_at = 72, tables_at = names_at + names.size(), index_at = tables_at + tables.size();
  std::string bytes;
  append_raw(bytes, 0xfffffff1u);
  bytes += std::string("\0\0\1\10", 4);
  for (uint64_t value :
       {uint64_t{functions.size()}, uint64_t{0}, kText, names_at, uint64_t{0}, uint64_t{0}, tables_at, index_at})
    append_raw(bytes, value);
  return bytes + names + tables + index + records;
}

constexpr uint64_t kStack = 0xc000010000, kThreadStack = 0x7ffd00000000;
constexpr std::string_view kMaps =
    "00001000-00011000 r-xp 00001000 08:02 42 /opt/go-program\n"
    "c000000000-c000400000 rw-p 00000000 00:00 0\n"
    "7ffd00000000-7ffd00010000 rw-p 00000000 00:00 0 [stack]\n";

struct World {
  // `trampoline`: the function that has the bytes of the kernel's trampoline of signals.
  explicit World(const std::vector<GoFunction>& functions, const std::string& table = {},
                 std::optional<size_t> trampoline = std::nullopt) {
    auto space = parse_address_space("maps", kMaps);
    REQUIRE(space);
    modules = std::make_unique<Modules>(0, *space, nullptr);
    test::ElfBuilder elf(EM_X86_64, ET_EXEC);
    elf.text();
    elf.section({".gopclntab", SHT_PROGBITS, SHF_ALLOC, 0x20000, table.empty() ? table_of(functions) : table});
    std::string file = elf.bytes();
    if (trampoline)
      add_code(file, std::string(*trampoline * kEach, '\x90') + std::string("\x48\xc7\xc0\x0f\0\0\0\x0f\x05", 9));
    auto image = ElfImage::from_bytes(file, "go-program");
    REQUIRE(image);
    modules->preset(0x1000, std::move(*image));
  }

  static void add_code(std::string& file, const std::string& code) {
    Elf64_Phdr segment{PT_LOAD, PF_R | PF_X, kText, kText, kText, code.size(), code.size(), 0x1000};
    Elf64_Ehdr header;
    std::memcpy(&header, file.data(), sizeof header);
    header.e_phnum = 1;
    file.resize(kText);
    file += code;
    header.e_phoff = file.size();
    append_raw(file, segment);
    std::memcpy(file.data(), &header, sizeof header);
  }

  struct Part {
    uint64_t address;
    std::vector<uint64_t> words;
  };
  PcStack unwind(uint64_t pc, uint64_t sp, const std::vector<Part>& parts) {
    Registers registers;
    registers.set(Register::kRip, pc);
    registers.set(Register::kRsp, sp);
    std::vector<StackBytes> stack;
    for (const Part& part : parts)
      stack.push_back({part.address, reinterpret_cast<const char*>(part.words.data()), part.words.size() * 8});
    return Unwinder(*modules).unwind(registers, stack);
  }

  std::unique_ptr<Modules> modules;
};

std::vector<uint64_t> pcs(const PcStack& stack) {
  std::vector<uint64_t> list;
  for (const PcFrame& frame : stack.frames) list.push_back(frame.pc);
  return list;
}

constexpr uint64_t in(size_t function, uint64_t offset) { return kText + function * kEach + offset; }

}  // namespace

TEST_CASE("frames of Go are exactly as large as its table says, up to goexit") {
  World world({{"runtime.futex"}, {"main.wait", 16}, {"main.main", 24}, {"runtime.goexit", 0, 1}});
  // futex has no frame; wait has two words, main three.
  PcStack stack = world.unwind(in(0, 9), kStack, {{kStack, {in(1, 5), 0, 0, in(2, 7), 0, in(0, 1), 0, in(3, 1), 99}}});
  CHECK(pcs(stack) == std::vector<uint64_t>{in(0, 9), in(1, 5), in(2, 7), in(3, 1)});
  CHECK(stack.end == StackEnd::kRoot);
  for (size_t i = 1; i < stack.frames.size(); ++i) {
    CHECK(stack.frames[i].found_by == FoundBy::kGo);
    CHECK(stack.frames[i].return_address);
  }
  CHECK_FALSE(stack.needs_registers);
}

TEST_CASE("a stack of Go that is cut says which word was missing") {
  World world({{"main.wait", 16}, {"runtime.goexit", 0, 1}});
  PcStack stack = world.unwind(in(0, 9), kStack, {{kStack, {0, 0}}});
  CHECK(stack.end == StackEnd::kBadMemory);
  CHECK(stack.missing_address == kStack + 16);
}

TEST_CASE("behind a function that moves the stack pointer nothing is guessed") {
  World world({{"runtime.walltime", 16, 2}, {"runtime.systemstack", 0, 3}, {"main.main", 0}});
  for (size_t function : {0, 1}) {
    PcStack stack = world.unwind(in(function, 9), kStack, {{kStack, {in(2, 1), in(2, 1), in(2, 1), in(2, 1)}}});
    CHECK(stack.frames.size() == 1);
    CHECK(stack.end == StackEnd::kOtherStack);
    CHECK(stack.missing_address == 0);
  }
}

TEST_CASE("of the two threads that come out of clone one was called, and one begins there") {
  World world({{"runtime.clone.abi0", 0, 2}, {"runtime.newosproc", 8}, {"runtime.mstart", 0, 1}, {"main.main"}});
  PcStack old = world.unwind(in(0, 9), kStack, {{kStack, {in(1, 5), 0, in(2, 1)}}});
  CHECK(pcs(old) == std::vector<uint64_t>{in(0, 9), in(1, 5), in(2, 1)});
  CHECK(old.end == StackEnd::kRoot);
  // The stack of the new one begins here: what lies above is another's.
  for (uint64_t above : {uint64_t{0}, in(3, 5)}) {
    PcStack young = world.unwind(in(0, 9), kStack, {{kStack, {above}}});
    CHECK(young.frames.size() == 1);
    CHECK(young.end == StackEnd::kRoot);
  }
}

TEST_CASE("C that Go calls leads back to the stack of the goroutine") {
  World world({{"runtime.asmcgocall.abi0", 0, 2}, {"main.call", 8}, {"runtime.goexit", 0, 1}});
  // As if C had just returned into asmcgocall: at 40 how far below the end of the goroutine's stack, at 48 which one.
  constexpr uint64_t kGoroutine = 0xc000300000, kEnd = kStack + 0x1000;
  World::Part thread{kThreadStack, {in(0, 9), 0, 0, 0, 0, 0, 0x100, kGoroutine}};
  World::Part goroutine{kGoroutine, {kStack, kEnd}};
  World::Part own{kEnd - 0x100, {in(1, 5), 0, in(2, 1)}};
  // The first frame is C without information: its caller is found as that of a leaf.
  auto unwind = [&](const std::vector<World::Part>& parts) {
    Registers registers;
    registers.set(Register::kRip, in(0, 9));
    registers.set(Register::kRsp, kThreadStack + 8);
    std::vector<StackBytes> stack;
    for (const World::Part& part : parts)
      stack.push_back({part.address, reinterpret_cast<const char*>(part.words.data()), part.words.size() * 8});
    return GoFrames(*world.modules).step(registers, true, stack);
  };
  auto step = unwind({thread, goroutine, own});
  REQUIRE(step);
  CHECK(step->outcome == GoFrames::Step::Outcome::kStepped);
  CHECK(step->switched_stack);
  CHECK(step->caller.pc() == in(1, 5));
  CHECK(step->caller.sp() == kEnd - 0x100 + 8);

  // What is not there is asked for, one after the other.
  CHECK(unwind({thread})->outcome == GoFrames::Step::Outcome::kOtherStack);
  CHECK(unwind({thread})->missing_address == kGoroutine);
  CHECK(unwind({thread, goroutine})->missing_address == kEnd - 0x100);
  // Depths beyond the stack, and return addresses outside of Go, are not believed.
  World::Part deep = thread;
  deep.words[6] = 0x2000;
  CHECK(unwind({deep, goroutine, own})->outcome == GoFrames::Step::Outcome::kOtherStack);
  World::Part foreign = own;
  foreign.words[0] = kStack;
  CHECK(unwind({thread, goroutine, foreign})->outcome == GoFrames::Step::Outcome::kOtherStack);
}

TEST_CASE("above a callback stands where the goroutine left for C, which is no return address") {
  World world({{"runtime.mcall", 0, 3},
               {"runtime.systemstack_switch"},
               {"runtime.cgocallback", 8, 2},
               {"runtime.cgocall", 0},
               {"runtime.goexit", 0, 1}});
  PcStack stack = world.unwind(in(2, 5), kStack, {{kStack, {0, in(1, 0), in(3, 9), in(4, 1)}}});
  CHECK(pcs(stack) == std::vector<uint64_t>{in(2, 5), in(1, 0), in(3, 9), in(4, 1)});
  CHECK_FALSE(stack.frames[1].return_address);
  CHECK(stack.frames[2].return_address);
  CHECK(stack.end == StackEnd::kRoot);
}

// What the runtime keeps of a thread that works on its own stack for a goroutine: g0 in the storage of the thread, and
// from there m, and its goroutine, which left its stack at kStack + 0x100.
struct GoMemory {
  static constexpr uint64_t kStorage = 0xc000200000, kSchedulers = 0xc000201000, kMachines = 0xc000202000,
                            kGoroutines = 0xc000203000;
  std::vector<World::Part> parts{{kStorage, std::vector<uint64_t>(8)},
                                 {kSchedulers, std::vector<uint64_t>(10)},
                                 {kMachines, std::vector<uint64_t>(25)},
                                 {kGoroutines, std::vector<uint64_t>(10)}};
  uint64_t thread_pointer = kStorage + 64;
  explicit GoMemory(uint64_t pc) {
    parts[0].words[7] = kSchedulers;
    parts[1].words[6] = kMachines;
    parts[2].words[0] = kSchedulers;
    parts[2].words[24] = kGoroutines;
    parts[3].words = {kStack, kStack + 0x1000, 0, 0, 0, 0, kMachines, kStack + 0x100, pc, kGoroutines};
  }
};

TEST_CASE("systemstack and morestack lead to where the goroutine left its stack") {
  World world({{"runtime.work"},
               {"runtime.systemstack.abi0", 0, 2},
               {"runtime.morestack", 0, 2},
               {"main.call", 8},
               {"runtime.systemstack", 16},
               {"runtime.goexit", 0, 1}});
  auto unwind = [&](size_t switching, std::vector<World::Part> parts, std::optional<uint64_t> thread_pointer) {
    Registers registers;
    registers.set(Register::kRip, in(0, 9));
    registers.set(Register::kRsp, kThreadStack);
    if (thread_pointer) registers.set(Register::kFsBase, *thread_pointer);
    std::vector<uint64_t> own{in(switching, 9), 0};
    parts.push_back({kThreadStack, own});
    std::vector<StackBytes> stack;
    for (const World::Part& part : parts)
      stack.push_back({part.address, reinterpret_cast<const char*>(part.words.data()), part.words.size() * 8});
    return Unwinder(*world.modules).unwind(registers, stack);
  };
  GoMemory memory(in(3, 5));
  auto parts = memory.parts;
  // Through its wrapper, which has a frame.
  parts.push_back({kStack + 0x100, {in(4, 7), 0, 0, in(3, 5), 0, in(5, 1)}});
  PcStack stack = unwind(1, parts, memory.thread_pointer);
  CHECK(pcs(stack) == std::vector<uint64_t>{in(0, 9), in(1, 9), in(4, 7), in(3, 5), in(5, 1)});
  CHECK(stack.end == StackEnd::kRoot);
  parts.back().words = {0, in(5, 1)};
  stack = unwind(2, parts, memory.thread_pointer);
  CHECK(pcs(stack) == std::vector<uint64_t>{in(0, 9), in(2, 9), in(3, 5), in(5, 1)});
  CHECK(stack.end == StackEnd::kRoot);

  // Without the thread pointer a stop is wanted; with it, the memory that is missing.
  stack = unwind(1, parts, std::nullopt);
  CHECK(stack.end == StackEnd::kOtherStack);
  CHECK(stack.needs_registers);
  for (size_t known = 0; known < 4; ++known) {
    std::vector<World::Part> some(memory.parts.begin(), memory.parts.begin() + static_cast<std::ptrdiff_t>(known));
    stack = unwind(1, some, memory.thread_pointer);
    CHECK(stack.end == StackEnd::kOtherStack);
    CHECK(stack.missing_address == memory.parts[known].address);
    CHECK_FALSE(stack.needs_registers);
  }
  CHECK(unwind(1, memory.parts, memory.thread_pointer).missing_address == kStack + 0x100);
}

TEST_CASE("a goroutine is not believed that does not lead back to its thread") {
  World world({{"runtime.work"}, {"runtime.systemstack", 0, 2}, {"main.call", 8}, {"runtime.goexit", 0, 1}});
  auto frames = [&](const GoMemory& memory, uint64_t returns_to) {
    auto parts = memory.parts;
    parts.push_back({kStack + 0x100, {returns_to, 0, in(3, 1)}});
    parts.push_back({kThreadStack, {in(1, 9), 0}});
    Registers registers;
    registers.set(Register::kRip, in(0, 9));
    registers.set(Register::kRsp, kThreadStack);
    registers.set(Register::kFsBase, memory.thread_pointer);
    std::vector<StackBytes> stack;
    for (const World::Part& part : parts)
      stack.push_back({part.address, reinterpret_cast<const char*>(part.words.data()), part.words.size() * 8});
    return Unwinder(*world.modules).unwind(registers, stack).frames.size();
  };
  CHECK(frames(GoMemory(0), in(2, 5)) == 4);
  CHECK(frames(GoMemory(0), kStack) == 2);
  auto wrong = [&](size_t part, size_t word, uint64_t value) {
    GoMemory memory(0);
    memory.parts[part].words[word] = value;
    return frames(memory, in(2, 5));
  };
  CHECK(wrong(0, 7, GoMemory::kMachines) == 2);      // no goroutine in the storage
  CHECK(wrong(1, 6, GoMemory::kMachines + 8) == 2);  // g0 of another thread
  CHECK(wrong(2, 24, 0) == 2);                       // no goroutine
  CHECK(wrong(3, 6, GoMemory::kSchedulers) == 2);    // one of another thread
  CHECK(wrong(3, 9, GoMemory::kGoroutines + 8) == 2);
  CHECK(wrong(3, 7, 0) == 2);  // it did not leave its stack
  CHECK(wrong(3, 7, kStack + 0x101) == 2);
  CHECK(wrong(3, 1, kStack + 0x80) == 2);
  // Go 1.25: one word earlier.
  GoMemory later(0);
  std::swap(later.parts[2].words[23], later.parts[2].words[24]);
  CHECK(frames(later, in(2, 5)) == 4);
}

TEST_CASE("a handler of signals leads through the trampoline to what it interrupted") {
  World world({{"runtime.sigtrampgo", 8},
               {"runtime.sigtramp", 16, 1},
               {"runtime.sigreturn"},
               {"main.main", 8},
               {"runtime.goexit", 0, 1}},
              {}, 2);
  std::vector<uint64_t> words{0, in(1, 9), 0, 0, in(2, 0)};
  words.resize(words.size() + 5 + 15);
  words.push_back(kStack);    // rsp of what was interrupted
  words.push_back(in(3, 7));  // rip
  PcStack stack = world.unwind(in(0, 9), kThreadStack, {{kThreadStack, words}, {kStack, {0, in(4, 1)}}});
  CHECK(pcs(stack) == std::vector<uint64_t>{in(0, 9), in(1, 9), in(2, 0), in(3, 7), in(4, 1)});
  CHECK(stack.end == StackEnd::kRoot);
  // Called by anything else, it is the first of its stack, as it says.
  words[4] = in(3, 7);
  stack = world.unwind(in(0, 9), kThreadStack, {{kThreadStack, words}});
  CHECK(stack.frames.size() == 2);
  CHECK(stack.end == StackEnd::kRoot);
}

TEST_CASE("a damaged table of Go functions ends no walk in a loop") {
  std::string whole = table_of({{"main.wait", 16}, {"main.main", 24}, {"runtime.goexit", 0, 1}});
  std::vector<uint64_t> words(64, in(1, 5));
  for (size_t at = 0; at < whole.size(); ++at)
    for (char value : {'\0', '\x7f', '\xff'}) {
      std::string damaged = whole;
      damaged[at] = value;
      World world({}, damaged);
      CHECK(world.unwind(in(0, 9), kStack, {{kStack, words}}).frames.size() <= 65);
    }
}

}  // namespace ec
