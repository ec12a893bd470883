#include "symbolize/demangle.h"

#include <fmt/core.h>

#include <catch2/catch.hpp>
#include <fstream>

using ec::demangle;

TEST_CASE("C++ names become readable") {
  CHECK(demangle("_ZN5store5flushERKSsi") == "store::flush(std::string const&, int)");
  CHECK(demangle("_ZNSt6vectorIiSaIiEE9push_backERKi") ==
        "std::vector<int, std::allocator<int> >::push_back(int const&)");
  CHECK(demangle("_ZN3app4workEv.part.0") == "app::work() [clone .part.0]");
}

TEST_CASE("C names stay as they are, also those that look like a type") {
  CHECK(demangle("h") == "h");
  CHECK(demangle("i") == "i");
  CHECK(demangle("main") == "main");
  CHECK(demangle("") == "");
  CHECK(demangle("main.handle.func1") == "main.handle.func1");
}

TEST_CASE("legacy Rust names lose their hash and escapes") {
  CHECK(demangle("_ZN4core3ptr13drop_in_place17h0123456789abcdefE") == "core::ptr::drop_in_place");
  CHECK(demangle("_ZN60_$LT$alloc..string..String$u20$as$u20$core..fmt..Display$GT$3fmt17h82cdac16cc4be9b1E") ==
        "<alloc::string::String as core::fmt::Display>::fmt");
  CHECK(demangle("_ZN3app17hello_from_a_test3runEv") == "app::hello_from_a_test::run()");
}

TEST_CASE("Rust names of the v0 mangling become readable") {
  std::ifstream pairs(EC_FIXTURES "/elf/rust-v0.names");
  size_t count = 0;
  for (std::string line; std::getline(pairs, line); ++count) {
    size_t tab = line.find('\t');
    REQUIRE(tab != std::string::npos);
    CHECK(demangle(line.substr(0, tab)) == line.substr(tab + 1));
  }
  CHECK(count > 40);
  CHECK(demangle("_RNvNtCs1_1t3fooB3_.llvm.123.cold") == "_RNvNtCs1_1t3fooB3_.llvm.123.cold");  // no crate at B3_
  CHECK(demangle("_RNvCs1_1t3foo.llvm.123.cold") == "t::foo.cold");
}

TEST_CASE("Rust names that refer back to themselves or grow without limit stay as they are") {
  // Each element of a tuple is the tuple before it, twice.
  std::string nested = "_RINvC1t1fTyyE";
  size_t at = nested.find("Tyy") - 2;
  auto digits = [](size_t value) {
    constexpr char kDigits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    std::string text;
    for (--value; text.empty() || value > 0; value /= 62) text.insert(text.begin(), kDigits[value % 62]);
    return text + "_";
  };
  for (int i = 0; i < 40; ++i) {
    size_t next = nested.size() - 2;
    nested += "TB" + digits(at) + "B" + digits(at) + "E";
    at = next;
  }
  nested += "E";
  CHECK(demangle(nested) == nested);
  for (const char* broken : {"_R", "_RB_", "_RNvB_1x", "_RNvC1t", "_RNvC1t99999999999999999999x", "_RIC1tB9_E",
                             "_R1NvC1t1f", "_RNvC1t1f1", "_RMC1tDB1_L_", "_RINvC1t1fKhE"})
    CHECK(demangle(broken) == broken);
  std::string deep = "_RNvMC1t" + std::string(3000, 'R') + "h1f";
  CHECK(demangle(deep) == deep);
}

TEST_CASE("what cannot be demangled comes back, and nothing grows without limit") {
  CHECK(demangle("_Z") == "_Z");
  CHECK(demangle("_ZN") == "_ZN");
  CHECK(demangle("_ZN9999999999999999999999") == "_ZN9999999999999999999999");
  std::string longer = "_Z" + std::string(5000, 'P');
  CHECK(demangle(longer) == longer);
  std::string doubling = "_Z1fSt4pairIiiE";  // each level is a pair of the level before
  for (char level : std::string("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    doubling += fmt::format("S_IS{0}_S{0}_E", level);
  CHECK(demangle(doubling) == doubling);
  std::string deep = "_Z1f" + std::string(4000, 'P') + "i";
  CHECK(demangle(deep).size() <= 4096);
}
