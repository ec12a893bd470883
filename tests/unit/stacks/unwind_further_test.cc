#include "collector/stacks/unwind_further.h"

#include <catch2/catch.hpp>

#include "tests/unit/stacks/image_builder.h"

namespace ec {

namespace {

constexpr uint64_t kOther = 0x7f0000000000, kStack = 0x7ffd00000000;

// `trampoline` of signals on one stack, which interrupted a function at 0x11000 with a stack pointer in the other.
struct Interrupted {
  explicit Interrupted(uint64_t interrupted_sp) {
    auto space = parse_address_space("maps",
                                     "00010000-00020000 r-xp 00000000 08:02 42 /opt/program\n"
                                     "7f0000000000-7f0000100000 rw-p 00000000 00:00 0\n"
                                     "7ffd00000000-7ffd00010000 rw-p 00000000 00:00 0 [stack]\n");
    REQUIRE(space);
    modules = std::make_unique<Modules>(0, *space, nullptr);
    std::string code(32, '\x90');
    code += std::string("\x48\xc7\xc0\x0f\0\0\0\x0f\x05", 9);
    auto image = ElfImage::from_bytes(test::build_image({.functions = {{0x11000, 32}}, .code = code}), "program");
    REQUIRE(image);
    modules->preset(0x10000, std::move(*image));
    context.assign(5 + 17, 0);
    context[5 + 15] = interrupted_sp;
    context[5 + 16] = 0x11001;
  }
  // The other stack is as large as `bytes`, all of it zero.
  PcStack unwind(size_t bytes, std::vector<std::pair<uint64_t, size_t>>& fetched) {
    Registers registers;
    registers.set(Register::kRip, 0x11020);
    registers.set(Register::kRsp, kStack);
    Unwinder unwinder(*modules);
    std::string buffer(kStackCap * 16, '\0');
    std::vector<StackBytes> copies{{kStack, reinterpret_cast<const char*>(context.data()), context.size() * 8}};
    return unwind_further(unwinder, modules->space(), registers, copies, buffer,
                          [&](uint64_t address, char*, size_t size) -> size_t {
                            fetched.emplace_back(address, size);
                            return address < kOther + bytes ? std::min<size_t>(size, kOther + bytes - address) : 0;
                          });
  }

  std::unique_ptr<Modules> modules;
  std::vector<uint64_t> context;
};

}  // namespace

TEST_CASE("of another stack, what the interrupted function saved below its return address is fetched as well") {
  Interrupted program(kOther + 0x8000);
  std::vector<std::pair<uint64_t, size_t>> fetched;
  PcStack stack = program.unwind(0x100000, fetched);
  CHECK(stack.end == StackEnd::kRoot);
  REQUIRE(fetched.size() == 1);
  CHECK(fetched[0].first == kOther + 0x7000);
  CHECK(fetched[0].second == kStackCap);
}

TEST_CASE("nothing is fetched from before the beginning of another stack, nor from beyond its end") {
  Interrupted program(kOther + 0x10);
  std::vector<std::pair<uint64_t, size_t>> fetched;
  CHECK(program.unwind(0x100000, fetched).end == StackEnd::kRoot);
  REQUIRE(fetched.size() == 1);
  CHECK(fetched[0].first == kOther);

  fetched.clear();
  Interrupted late(kOther + 0x100000 - 8);
  CHECK(late.unwind(0x100000, fetched).end == StackEnd::kRoot);
  REQUIRE(fetched.size() == 1);
  CHECK(fetched[0].second == 0x1000 + 8);

  // Memory that cannot be read ends it.
  fetched.clear();
  CHECK(late.unwind(0, fetched).end == StackEnd::kBadMemory);
  CHECK(fetched.size() == 1);
}

}  // namespace ec
