// Members of structures against offsetof() of the same compiler.
#include "symbolize/struct_members.h"

#include <fcntl.h>

#include <catch2/catch.hpp>

#include "tests/unit/symbolize/built_program.h"

using namespace ec;
using namespace ec::test;

namespace {

constexpr const char* kSource =
    "struct inner { long a; char b; int c; };\n"
    "typedef struct inner inner_t;\n"
    "struct outer { char first; inner_t middle; struct { int x; } unnamed; struct outer *next; };\n"
    "struct loop { struct loop *self; };\n"
    "struct outer o; struct loop l;\n"
    "int main(void) { return 0; }\n";

std::shared_ptr<const ElfFile> built(const TemporaryFolder& folder, const std::string& flags) {
  write_file(folder / "types.c", kSource);
  REQUIRE(run("cd '" + folder.path() + "' && gcc " + flags + " -o types types.c"));
  auto elf = ElfFile::open(ByteSource("types", UniqueFd(open((folder / "types").c_str(), O_RDONLY | O_CLOEXEC))));
  REQUIRE(elf);
  return std::make_shared<const ElfFile>(std::move(*elf));
}

}  // namespace

TEST_CASE("members, and members of members, lie where the compiler puts them") {
  TemporaryFolder folder;
  std::string flags = GENERATE("-g -gdwarf-4", "-g -gdwarf-5", "-g -gz=zlib");
  auto offsets = member_offsets(built(folder, flags), "types.c",
                                {{"outer", "first"},
                                 {"outer", "middle"},
                                 {"outer", "middle.c"},
                                 {"outer", "unnamed.x"},
                                 {"outer", "next"},
                                 {"outer", "next.first"},
                                 {"outer", "missing"},
                                 {"outer", "first.b"},
                                 {"nothing", "first"},
                                 {"loop", "self.self.self"},
                                 {"outer", ""},
                                 {"outer", "."}});
  INFO((offsets ? "" : offsets.error().message()));
  REQUIRE(offsets);
  // A pointer leads out of the structure.
  CHECK(*offsets == std::vector<std::optional<uint64_t>>{0, 8, 20, 24, 32, std::nullopt, std::nullopt, std::nullopt,
                                                         std::nullopt, std::nullopt, std::nullopt, std::nullopt});
}

TEST_CASE("no debug information, and no such unit, are said") {
  TemporaryFolder folder;
  auto none = member_offsets(built(folder, "-g0"), "types.c", {{"outer", "first"}});
  REQUIRE_FALSE(none);
  CHECK(none.error().code == ErrorCode::kNotFound);
  auto other = member_offsets(built(folder, "-g"), "runtime", {{"outer", "first"}});
  REQUIRE_FALSE(other);
  CHECK(other.error().detail == "no unit \"runtime\" in its debug information");
}
