#include "collector/stacks/core_files.h"

#include <catch2/catch.hpp>

#include "collector/stacks/core_dump.h"
#include "tests/support/program.h"

namespace ec {

namespace {

CoreFile recorded() {
  auto core = CoreFile::open(EC_FIXTURES "/core/null-read.core");
  REQUIRE(core);
  return *core;
}

}  // namespace

TEST_CASE("a recorded core knows its programs by the build ids in its memory") {
  CoreFile core = recorded();
  auto programs = core_programs(core);
  REQUIRE(programs.size() >= 5);
  CHECK(programs[0].path == "/srv/app/crash");
  CHECK(programs[0].executable);
  size_t known = 0;
  for (const CoreProgram& program : programs) known += program.known && program.build_id.size() == 40 ? 1 : 0;
  CHECK(known == programs.size());
}

TEST_CASE("a file with another build id is not taken for the program") {
  CoreFile core = recorded();
  CoreModuleFiles here(core, "", nullptr);
  CHECK(here.open_program(here.programs()[0]).error().code == ErrorCode::kGone);
  CoreModuleFiles other(core, EC_FIXTURES "/elf/symbols.elf", nullptr);
  auto refused = other.open_program(other.programs()[0]);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().detail.starts_with("another file than the one that ran: its build id is "));
  CoreModuleFiles hung(core, "", [](const std::string&) { return false; });
  CHECK(hung.open_program(hung.programs()[0]).error().code == ErrorCode::kTimeout);
}

TEST_CASE("every thread of a core has a stack, without its program at least the innermost frame") {
  CoreFile core = recorded();
  CoreDumpRequest request;
  request.core = &core;
  StackDump dump = dump_core(request);
  REQUIRE(dump.threads.size() == 3);
  CHECK(core.first_thread().signal_info->address == 0xc);
  for (const CoreThread& thread : core.notes().threads) {
    auto found = std::find_if(dump.threads.begin(), dump.threads.end(),
                              [&](const DumpedThread& each) { return each.tid == thread.tid; });
    REQUIRE(found != dump.threads.end());
    CHECK(to_string(found->read_by) == "core");
    REQUIRE(found->stack);
    CHECK(dump.stacks[*found->stack].frames.at(0).pc == thread.registers.pc());
  }
}

}  // namespace ec
