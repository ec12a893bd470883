#include "collector/proc/lz4_block.h"

#include <catch2/catch.hpp>

using namespace ec;

namespace {

// "MESSAGE=", 200 times "word ", "end", packed by liblz4 1.9.4.
const std::string kBlock("\xdfMESSAGE=word \x05\0\xff\xff\xff\xd1Pd end", 26);

}  // namespace

TEST_CASE("an LZ4 block unpacks, whole or its beginning") {
  auto whole = unpack_lz4_block(kBlock, 8192);
  REQUIRE(whole);
  CHECK(whole->size() == 1011);
  CHECK(whole->starts_with("MESSAGE=word word "));
  CHECK(whole->ends_with(" word end"));
  for (size_t limit : {0u, 1u, 13u, 14u, 500u, 1005u, 1006u, 1010u, 1011u})
    CHECK(unpack_lz4_block(kBlock, limit) == whole->substr(0, limit));
}

TEST_CASE("a damaged LZ4 block gives nothing, or what is before the damage") {
  CHECK_FALSE(unpack_lz4_block("", 100));
  for (size_t cut = 1; cut < kBlock.size(); ++cut) {
    auto text = unpack_lz4_block(kBlock.substr(0, cut), 8192);
    if (text) CHECK(text->size() < 1011);
  }
  std::string far = kBlock;
  far[14] = 14;  // a match that begins before the first byte
  CHECK_FALSE(unpack_lz4_block(far, 8192));
  far[14] = 0;
  CHECK_FALSE(unpack_lz4_block(far, 8192));
  CHECK_FALSE(unpack_lz4_block(std::string(100, '\xff'), 8192));
}
