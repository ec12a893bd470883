#include "symbolize/elf_file.h"

#include <catch2/catch.hpp>

#include "symbolize/elf_identity.h"
#include "symbolize/unpack.h"
#include "tests/support/elf_builder.h"
#include "tests/unit/symbolize/built_program.h"

using namespace ec;
using namespace ec::test;

namespace {

Result<ElfFile> open_bytes(std::string bytes) { return ElfFile::open(ByteSource("built", std::move(bytes))); }

Result<ElfFile> open_path(const std::string& path) {
  auto fd = open_regular(-1, path);
  REQUIRE(fd);
  return ElfFile::open(ByteSource(path, std::move(*fd)));
}

}  // namespace

TEST_CASE("identity of programs as file(1) tells it") {
  TemporaryFolder folder;
  write_file(folder / "main.c", "int main(void) { return 0; }\n");
  auto identity = [&](const std::string& flags) {
    REQUIRE(
        run("cc -Wl,--build-id=0x0123456789abcdef " + flags + " -o " + (folder / "main") + " " + (folder / "main.c")));
    auto elf = open_path(folder / "main");
    REQUIRE(elf);
    return elf_identity(*elf);
  };
  ElfIdentity pie = identity("-pie -fPIE -g");
  CHECK(pie.build_id == "0123456789abcdef");
  CHECK(pie.interpreter.starts_with("/lib"));
  CHECK(pie.position_independent);
  CHECK_FALSE(pie.static_linked);
  CHECK_FALSE(pie.stripped);
  CHECK(pie.has_debug_info);
  ElfIdentity fixed = identity("-no-pie -s");
  CHECK_FALSE(fixed.position_independent);
  CHECK(fixed.stripped);
  CHECK_FALSE(fixed.has_debug_info);
  ElfIdentity alone = identity("-static");
  CHECK(alone.static_linked);
  CHECK(alone.interpreter == "");
  CHECK(alone.build_id == "0123456789abcdef");
}

TEST_CASE("a build id is found without section headers") {
  TemporaryFolder folder;
  write_file(folder / "main.c", "int main(void) { return 0; }\n");
  REQUIRE(run("cc -Wl,--build-id=0xfeedbeef -o " + (folder / "main") + " " + (folder / "main.c")));
  std::string bytes = read_whole(folder / "main");
  std::memset(bytes.data() + offsetof(Elf64_Ehdr, e_shoff), 0, sizeof(Elf64_Off));
  auto elf = open_bytes(bytes);
  REQUIRE(elf);
  CHECK(elf->sections().empty());
  CHECK(elf->build_id() == "feedbeef");
}

TEST_CASE("notes: other owners are passed over, padding is kept to, liars end it") {
  auto note = [](std::string owner, uint32_t type, std::string description) {
    std::string bytes;
    append_raw(bytes, Elf64_Nhdr{static_cast<uint32_t>(owner.size()), static_cast<uint32_t>(description.size()), type});
    owner.resize((owner.size() + 3) / 4 * 4);
    description.resize((description.size() + 3) / 4 * 4);
    return bytes + owner + description;
  };
  std::string gnu("GNU\0", 4);
  std::string id = note(gnu, NT_GNU_BUILD_ID, "\xab\xcd\xef");
  CHECK(build_id_of_notes(id) == "abcdef");
  CHECK(build_id_of_notes(note(std::string("Go\0", 3), 4, "x/y") + note(gnu, 1, std::string(16, 'a')) + id) ==
        "abcdef");
  CHECK(build_id_of_notes("") == "");
  CHECK(build_id_of_notes(id.substr(0, 15)) == "");
  std::string liar = id;
  std::memset(liar.data(), 0xff, 4);
  CHECK(build_id_of_notes(liar) == "");
  CHECK(build_id_of_notes(note(gnu, NT_GNU_BUILD_ID, std::string(65, 'x'))) == "");
}

TEST_CASE("compressed sections come unpacked") {
  TemporaryFolder folder;
  write_file(folder / "main.c", "int a_name_that_is_in_debug_str(void) { return 0; }\nint main(void) { return 0; }\n");
  REQUIRE(run("cc -g -gz=zlib -o " + (folder / "main") + " " + (folder / "main.c")));
  REQUIRE(run("objcopy --decompress-debug-sections " + (folder / "main") + " " + (folder / "plain")));
  auto packed = open_path(folder / "main"), plain = open_path(folder / "plain");
  REQUIRE(packed);
  REQUIRE(plain);
  size_t compressed = 0;
  for (const ElfSection& section : packed->sections()) {
    if (!(section.flags & SHF_COMPRESSED)) continue;
    ++compressed;
    auto ours = packed->contents(section), theirs = plain->contents(*plain->section(section.name));
    REQUIRE(ours);
    REQUIRE(theirs);
    CHECK(*ours == *theirs);
    CHECK(packed->contents(section, 16).error().code == ErrorCode::kSkipped);
  }
  CHECK(compressed > 0);
}

TEST_CASE("a compressed section that lies about its size, or is damaged, gives no wrong bytes") {
  // printf %s hello | python3 -c 'import sys, zlib; sys.stdout.buffer.write(zlib.compress(sys.stdin.buffer.read()))'
  const std::string hello("\x78\x9c\xcb\x48\xcd\xc9\xc9\x07\x00\x06\x2c\x02\x15", 13);
  auto unpack = [](uint64_t size, const std::string& stream) {
    Elf64_Chdr header{ELFCOMPRESS_ZLIB, 0, size, 1};
    std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
    return unpack_section("here", bytes + stream, SectionPacking::kElf64, 1u << 30);
  };
  CHECK(unpack(5, hello).value_or("") == "hello");
  CHECK(unpack(4, hello).error().code == ErrorCode::kMalformed);
  CHECK(unpack(6, hello).error().code == ErrorCode::kMalformed);
  CHECK(unpack(1u << 30, hello).error().code == ErrorCode::kMalformed);
  CHECK(unpack(UINT64_MAX, hello).error().code == ErrorCode::kSkipped);
  for (size_t length = 0; length < hello.size(); ++length) CHECK_FALSE(unpack(5, hello.substr(0, length)));
  for (size_t at = 2; at < hello.size(); ++at) {
    std::string damaged = hello;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    CHECK(unpack(5, damaged).value_or("hello") == "hello");  // bits that only fill the last byte mean nothing
  }
  const std::string old = std::string("ZLIB\0\0\0\0\0\0\0\x05", 12) + hello;
  CHECK(unpack_section("here", old, SectionPacking::kGnu, 5).value_or("") == "hello");
  for (size_t length = 0; length < old.size(); ++length)
    CHECK_FALSE(unpack_section("here", old.substr(0, length), SectionPacking::kGnu, 5));
}

TEST_CASE("the unpacked size of an xz file is known before it is unpacked") {
  TemporaryFolder folder;
  write_file(folder / "zeros", std::string(3'000'000, '\0'));
  REQUIRE(run("xz -k " + (folder / "zeros") + " && xz -k -c --block-size=1000000 " + (folder / "zeros") + " > " +
              (folder / "blocks.xz")));
  std::string bomb = read_whole(folder / "zeros.xz");
  CHECK(bomb.size() < 2000);
  CHECK(xz_unpacked_size(bomb).value_or(0) == 3'000'000u);
  CHECK(xz_unpacked_size(read_whole(folder / "blocks.xz")).value_or(0) == 3'000'000u);
  CHECK(unpack_xz(bomb, 1'000'000).error().code == ErrorCode::kSkipped);
  CHECK(unpack_xz(bomb).error().code == ErrorCode::kMalformed);  // no ELF file in it
  for (size_t length = 0; length < bomb.size(); ++length) (void)xz_unpacked_size(bomb.substr(0, length));
  CHECK_FALSE(xz_unpacked_size(bomb.substr(0, 100)));
}

TEST_CASE("no ELF file, other byte order, header that lies") {
  CHECK(open_bytes("").error().code == ErrorCode::kMalformed);
  CHECK(open_bytes("\x7f"
                   "ELF")
            .error()
            .detail == "expected an ELF file");
  ElfBuilder builder;
  builder.text();
  std::string bytes = builder.bytes();
  std::string other = bytes;
  other[EI_DATA] = ELFDATA2MSB;
  CHECK(open_bytes(other).error().code == ErrorCode::kUnsupported);
  std::string strange = bytes;
  strange[EI_CLASS] = 7;
  CHECK(open_bytes(strange).error().code == ErrorCode::kMalformed);
  std::string liar = bytes;
  std::memset(liar.data() + offsetof(Elf64_Ehdr, e_shnum), 0xff, 4);  // number of sections, index of their names
  auto elf = open_bytes(liar);
  REQUIRE(elf);
  CHECK(elf->sections().size() <= 65535);
  CHECK(elf->section(".text") == nullptr);
}

TEST_CASE("version texts: after a needle, once each, with their place") {
  std::string bytes = std::string("xx\0nginx/1.22.1\0nginx/%s\0Server: nginx/1.22.1\0nginx/1.22.1 (Debian)\0", 68);
  std::vector<FoundText> found;
  find_text_in(bytes, 0x1000, {"nginx/"}, 4, found);
  REQUIRE(found.size() == 2);
  CHECK(found[0].text == "nginx/1.22.1");
  CHECK(found[0].offset == 0x1003);
  CHECK(found[1].text == "nginx/1.22.1 (Debian)");
  CHECK(found[0].at_start);
  found.clear();
  find_text_in("nginx/", 0, {"nginx/", ""}, 4, found);
  CHECK(found.empty());
  find_text_in("nginx/1" + std::string(500, '1'), 0, {"nginx/"}, 4, found);
  CHECK(found.at(0).text.size() == 200);
}

TEST_CASE("version texts that begin a string come before those in a sentence") {
  ElfBuilder builder;
  builder.section({".rodata", SHT_PROGBITS, SHF_ALLOC, 0x4000,
                   std::string("\0before upgrading to PostgreSQL 9.1.\0PostgreSQL 15.18 (Debian)\0", 62), 0, 0, 0});
  auto elf = open_bytes(builder.bytes());
  REQUIRE(elf);
  auto found = find_text(*elf, {"PostgreSQL "}, 1 << 20);
  REQUIRE(found.size() == 2);
  CHECK(found[0].text == "PostgreSQL 15.18 (Debian)");
  CHECK(found[1].text == "PostgreSQL 9.1.");
}
