#include "symbolize/demangle.h"

#include <fmt/core.h>

#include <catch2/catch.hpp>

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
