#include "symbolize/plain_name.h"

#include <catch2/catch.hpp>

using namespace ec;

TEST_CASE("demangled names lose parameters, template arguments and the return type") {
  const std::pair<const char*, const char*> rows[] = {
      {"spin(unsigned int)", "spin"},
      {"main", "main"},
      {"void std::sort<int*>(int*, int*)", "std::sort"},
      {"std::vector<int, std::allocator<int> >::push_back(int const&)", "std::vector::push_back"},
      {"(anonymous namespace)::Cache::get(int) const", "(anonymous namespace)::Cache::get"},
      {"main::{lambda(int, char)#1}::operator()(int, char) const", "main::{lambda(int, char)#1}::operator()"},
      {"operator new(unsigned long)", "operator new"},
      {"operator delete[](void*)", "operator delete[]"},
      {"std::ostream& operator<< <char>(std::ostream&, char)", "operator<<"},
      {"Money::operator<(Money const&) const", "Money::operator<"},
      {"Box::operator->() const", "Box::operator->"},
      {"Box::operator unsigned long() const", "Box::operator unsigned long"},
      {"serve(std::vector<int>)::Local::run(char)", "serve(std::vector)::Local::run"},
      {"Foo::bar(int) const::{lambda(std::vector<int>&)#1}::operator()(std::vector<int>&) const",
       "Foo::bar(int) const::{lambda(std::vector&)#1}::operator()"},
      {"auto (anonymous namespace)::An::r(int) const &::{lambda(auto:1)#1}::operator()<int>(int) const",
       "(anonymous namespace)::An::r(int) const &::{lambda(auto:1)#1}::operator()"},
      {"decltype (::new ((void*)(0)) int((declval<int>)())) std::construct_at<int>(int*)", "std::construct_at"},
      {"decltype(auto) pick<int>(int)", "pick"},
      {"non-virtual thunk to Base::run(int)", "non-virtual thunk to Base::run"},
      {"TLS wrapper function for lib::state", "TLS wrapper function for lib::state"},
      {"typeinfo name for lib::Box<int>", "typeinfo name for lib::Box"},
      {"work(int) [clone .cold]", "work"},
      {"void (*pick<int>(int))(char)", "void (*pick<int>(int))(char)"},
      {"f<(1<2", "f"},
      {"(((", "((("},
      {"", ""},
  };
  for (auto& [full, plain] : rows) {
    INFO(full);
    CHECK(plain_name(full) == plain);
  }
}

// The right side is what `go tool pprof` shows.
TEST_CASE("functions are shown without parameters, and names of Rust with what is in angle brackets") {
  const std::pair<const char*, const char*> rows[] = {
      {"_Z3fooj", "foo"},
      {"_ZN12_GLOBAL__N_18variadicIJjidEEEmDpT_.constprop.0", "(anonymous namespace)::variadic"},
      {"_ZNK12_GLOBAL__N_17FunctorIjEclEj", "(anonymous namespace)::Functor::operator()"},
      {"_ZNK1AcvjEv", "A::operator unsigned int"},
      {"_ZlsRSoRK1A", "operator<<"},
      {"_ZZ4loadvENKUljE_clEj", "load()::{lambda(unsigned int)#1}::operator()"},
      {"_Z4loadv.cold", "load"},
      {"_ZN61_$LT$alloc..vec..Vec$LT$T$GT$$u20$as$u20$core..fmt..Debug$GT$3fmt17h0123456789abcdefE",
       "<alloc::vec::Vec<T> as core::fmt::Debug>::fmt"},
      {"_ZN7mycrate3foo17h0123456789abcdefE.llvm.123456", "mycrate::foo"},
      {"_RNvMNtCs1234_7mycrate3fooNtB2_3Bar3run", "<mycrate::foo::Bar>::run"},
      {"foo(unsigned int)", "foo(unsigned int)"},
      {"main.f[...]", "main.f[...]"},
      {"", ""},
  };
  for (auto& [linker_name, plain] : rows) {
    INFO(linker_name);
    CHECK(plain_function(linker_name) == plain);
  }
}
