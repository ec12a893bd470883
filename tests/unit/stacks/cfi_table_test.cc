#include "collector/stacks/cfi_table.h"

#include <catch2/catch.hpp>

#include "tests/unit/stacks/image_builder.h"

namespace ec {

namespace {

std::unique_ptr<ElfImage> image_of(const test::ImageForm& form) {
  auto image = ElfImage::from_bytes(test::build_image(form), "image");
  REQUIRE(image);
  return std::move(*image);
}

const std::vector<test::Function> kFunctions{{0x11000, 0x40}, {0x11040, 0x10}, {0x11100, 0x80}};

void finds_all(const test::ImageForm& form) {
  auto image = image_of(form);
  CfiTable table(*image);
  CHECK_FALSE(table.empty());
  for (const test::Function& function : form.functions)
    for (uint64_t address : {function.start, function.start + function.size - 1}) {
      auto range = table.find(address);
      REQUIRE(range);
      CHECK(range->start == function.start);
      CHECK(range->size == function.size);
      CHECK_FALSE(range->signal_frame);
    }
  for (uint64_t address : {uint64_t{0}, uint64_t{0x10fff}, uint64_t{0x11050}, uint64_t{0x11180}, UINT64_MAX})
    CHECK_FALSE(table.find(address));
}

}  // namespace

TEST_CASE("the binary search table of .eh_frame_hdr finds each function and no gap") {
  finds_all({.functions = kFunctions});
}

TEST_CASE("without .eh_frame_hdr an index is built from the section, as for static binaries") {
  finds_all({.functions = kFunctions, .with_table = false});
}

TEST_CASE("a header without a usable table leads to .eh_frame, where the index is built") {
  finds_all({.functions = kFunctions, .table_encoding = 0xff});
}

TEST_CASE("functions that the linker dropped stand at 0 and are left out of the index") {
  auto image = image_of({.functions = {{0, 0x10}, {0x11000, 0x40}}, .with_table = false});
  CfiTable table(*image);
  CHECK(table.find(0x11000));
  CHECK_FALSE(table.find(0x8));
}

TEST_CASE("an image without call frame information finds nothing") {
  auto image = image_of({.functions = {}, .with_table = false});
  CfiTable table(*image);
  CHECK(table.empty());
  CHECK_FALSE(table.find(0x11000));
}

TEST_CASE("every single damaged byte is survived") {
  for (bool with_table : {true, false}) {
    std::string whole = test::build_image({.functions = kFunctions, .with_table = with_table});
    for (size_t at = 0; at < whole.size(); ++at) {
      if (at >= 200 && at < test::kFrameOffset) continue;  // padding and code
      for (char value : {'\0', '\x7f', '\xff'}) {
        std::string damaged = whole;
        damaged[at] = value;
        auto image = ElfImage::from_bytes(damaged, "damaged");
        if (!image) continue;
        CfiTable table(**image);
        for (uint64_t address = 0x11000; address < 0x11200; address += 0x20) table.find(address);
      }
    }
  }
}

TEST_CASE("a file that ends early is survived at every length") {
  std::string whole = test::build_image({.functions = kFunctions});
  for (size_t length = 0; length < whole.size(); length += 7) {
    auto image = ElfImage::from_bytes(whole.substr(0, length), "cut");
    if (!image) continue;
    CfiTable table(**image);
    table.find(0x11000);
  }
}

}  // namespace ec
