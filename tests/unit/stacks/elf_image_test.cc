#include "collector/stacks/elf_image.h"

#include <catch2/catch.hpp>

#include "tests/unit/stacks/image_builder.h"

namespace ec {

TEST_CASE("an image gives its bytes by address, and only those it has") {
  auto image = ElfImage::from_bytes(test::build_image({.functions = {}, .code = "code"}), "image");
  REQUIRE(image);
  char text[4];
  REQUIRE((*image)->read_address(0x10000 + test::kCodeOffset, text, 4));
  CHECK(std::string_view(text, 4) == "code");
  CHECK_FALSE((*image)->read_address(0x0ffff, text, 4));
  CHECK_FALSE((*image)->read_address(UINT64_MAX - 1, text, 4));
  uint64_t end = (*image)->segment_end(0x10000);
  CHECK((*image)->read_address(end - 4, text, 4));
  CHECK_FALSE((*image)->read_address(end - 3, text, 4));
}

TEST_CASE("the load bias comes from the segment that holds the offset, never from the offset alone") {
  // As lld lays out: text at file offset 0x1560 with address 0x2560, then read-only data of the same file page.
  std::string file = test::build_image({.functions = {}, .with_table = false});
  Elf64_Ehdr header;
  std::memcpy(&header, file.data(), sizeof header);
  header.e_phnum = 3;
  Elf64_Phdr programs[3]{};
  programs[0] = {PT_LOAD, PF_R, 0, 0, 0, 0x1560, 0x1560, 0x1000};
  programs[1] = {PT_LOAD, PF_R | PF_X, 0x1560, 0x2560, 0x2560, 0x800, 0x800, 0x1000};
  programs[2] = {PT_LOAD, PF_R | PF_W, 0x1d60, 0x4d60, 0x4d60, 0x100, 0x200, 0x1000};
  std::memcpy(file.data(), &header, sizeof header);
  std::memcpy(file.data() + sizeof header, programs, sizeof programs);
  auto image = ElfImage::from_bytes(file, "lld");
  REQUIRE(image);
  CHECK((*image)->bias(0x7f0000000000, 0, false) == 0x7f0000000000);
  CHECK((*image)->bias(0x7f0000002000, 0x1000, true) == 0x7f0000000000);
  CHECK((*image)->bias(0x7f0000004000, 0x1000, false) == 0x7f0000000000);
  CHECK_FALSE((*image)->bias(0x7f0000004000, 0x9000, true));
}

TEST_CASE("what is no image of this machine says so") {
  CHECK(ElfImage::from_bytes("#!/bin/sh\n", "script").error().message() == "script: expected an ELF header");
  std::string other = test::build_image({.functions = {}});
  other[18] = EM_386;
  CHECK(ElfImage::from_bytes(other, "other").error().code == ErrorCode::kUnsupported);
}

}  // namespace ec
