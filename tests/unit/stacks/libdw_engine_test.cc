#include "collector/stacks/libdw_engine.h"

#include <array>
#include <catch2/catch.hpp>

#include "tests/unit/stacks/image_builder.h"

namespace ec {

namespace {

constexpr uint64_t kStack = 0x7ffd00000000, kBias = 0x5550'0000'0000;

// A program at 0x10000 of its file, mapped elsewhere.
struct World {
  explicit World(const test::ImageForm& form) {
    auto space = parse_address_space("maps",
                                     "555000010000-555000020000 r-xp 00000000 08:02 42 /opt/program\n"
                                     "7ffd00000000-7ffd00010000 rw-p 00000000 00:00 0 [stack]\n");
    REQUIRE(space);
    modules = std::make_unique<Modules>(0, *space, nullptr);
    auto image = ElfImage::from_bytes(test::build_image(form), "program");
    REQUIRE(image);
    modules->preset(kBias + 0x10000, std::move(*image));
    engine = std::make_unique<LibdwEngine>(*modules);
  }
  static Registers at(uint64_t pc, uint64_t sp) {
    Registers registers;
    registers.set(Register::kRip, kBias + pc);
    registers.set(Register::kRsp, sp);
    return registers;
  }
  static std::vector<StackBytes> copy(const std::vector<uint64_t>& words) {
    return {{kStack, reinterpret_cast<const char*>(words.data()), words.size() * 8}};
  }

  std::unique_ptr<Modules> modules;
  std::unique_ptr<LibdwEngine> engine;
};

const std::vector<test::Function> kFunctions{{0x11000, 32}, {0x11020, 32}};

}  // namespace

TEST_CASE("libdw steps by the call frame information of a module at a load bias") {
  World world({.functions = kFunctions});
  std::vector<uint64_t> words{kBias + 0x11025, kBias + 0x11040, 0};
  Registers now = World::at(0x11001, kStack);
  constexpr std::array kPreserved{Register::kRbx, Register::kR12, Register::kR13, Register::kR14, Register::kR15};
  for (Register reg : kPreserved) now.set(reg, 100 + static_cast<uint64_t>(reg));
  auto step = world.engine->step(now, World::copy(words), false);
  REQUIRE(step.outcome == CfiStepper::Outcome::kStepped);
  CHECK(step.registers.pc() == kBias + 0x11025);
  CHECK(step.registers.sp() == kStack + 8);
  for (Register reg : kPreserved) CHECK(step.registers.get(reg) == 100 + static_cast<uint64_t>(reg));
  CHECK_FALSE(step.registers.has(Register::kRbp));
  CHECK_FALSE(step.interrupted);
  // A return address behind the last byte of a function belongs to it.
  auto behind = world.engine->step(World::at(0x11040, kStack + 8), World::copy(words), true);
  CHECK(behind.outcome == CfiStepper::Outcome::kStepped);
  CHECK(world.engine->step(World::at(0x11040, kStack + 8), World::copy(words), false).outcome ==
        CfiStepper::Outcome::kNoInfo);
  CHECK(world.engine->step(World::at(0x11001, kStack + 16), World::copy(words), false).outcome ==
        CfiStepper::Outcome::kRoot);
  CHECK(world.engine->step(World::at(0x11001, kStack + 24), World::copy(words), false).outcome ==
        CfiStepper::Outcome::kFailed);
  CHECK(world.engine->walk(now, World::copy(words), 10) ==
        std::vector<uint64_t>{kBias + 0x11001, kBias + 0x11025, kBias + 0x11040});
}

TEST_CASE("libdw needs no search table, nor a right one") {
  std::vector<uint64_t> words{kBias + 0x11025, 0};
  for (bool with_table : {false, true}) {
    World world({.functions = kFunctions, .with_table = with_table, .table_encoding = 0x2b});
    auto step = world.engine->step(World::at(0x11001, kStack), World::copy(words), false);
    CHECK(step.outcome == CfiStepper::Outcome::kStepped);
  }
}

TEST_CASE("libdw sees modules that were mapped since, and none that are gone") {
  World world({.functions = kFunctions});
  std::vector<uint64_t> words{kBias + 0x11025, 0};
  CHECK(world.engine->step(World::at(0x11001, kStack), World::copy(words), false).outcome ==
        CfiStepper::Outcome::kStepped);
  auto empty = parse_address_space("maps", "7ffd00000000-7ffd00010000 rw-p 00000000 00:00 0 [stack]\n");
  REQUIRE(empty);
  world.modules->update(*empty);
  CHECK(world.engine->step(World::at(0x11001, kStack), World::copy(words), false).outcome ==
        CfiStepper::Outcome::kNoInfo);
}

TEST_CASE("libdw without registers, without a stack, or with damaged information steps nowhere") {
  World world({.functions = kFunctions});
  CHECK(world.engine->step(Registers{}, {}, false).outcome == CfiStepper::Outcome::kNoInfo);
  CHECK(world.engine->step(Registers{}, {}, true).outcome == CfiStepper::Outcome::kNoInfo);
  CHECK(world.engine->step(World::at(0x11001, UINT64_MAX - 3), {}, false).outcome == CfiStepper::Outcome::kFailed);
  CHECK(world.engine->walk(Registers{}, {}, 10).size() <= 1);
}

}  // namespace ec
