#include "collector/proc/kallsyms.h"

#include <catch2/catch.hpp>

using namespace ec;

TEST_CASE("addresses of the kernel have the names of the functions they are in") {
  const std::string text =
      "ffffffff81000000 T _stext\n"
      "ffffffff81400100 t ksys_read\n"
      "ffffffff81400000 T vfs_read\n"  // in no order
      "ffffffff81400180 d some_variable\n"
      "ffffffffc0000000 t nft_do_chain\t[nf_tables]\n"
      "not a line\n";
  auto names = kernel_functions(text, {0xffffffff81400050, 0xffffffff81400190, 0xffffffffc0000010, 0x1000});
  CHECK(names.size() == 3);
  CHECK(names[0xffffffff81400050] == "vfs_read");
  CHECK(names[0xffffffff81400190] == "ksys_read");
  CHECK(names[0xffffffffc0000010] == "[nf_tables] nft_do_chain");
}

TEST_CASE("hidden addresses and far ones give no name") {
  CHECK(kernel_functions("0000000000000000 T _stext\n", {0xffffffff81400050}).empty());
  CHECK(kernel_functions("ffffffff81000000 T _stext\n", {0xffffffff81400050}).empty());
  CHECK(kernel_functions("", {}).empty());
}
