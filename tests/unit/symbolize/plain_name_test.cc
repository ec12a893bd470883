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
      {"serve(int)::Local::run(char)", "serve::Local::run"},
      {"non-virtual thunk to Base::run(int)", "non-virtual thunk to Base::run"},
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
