#include "collector/analysis/function_name.h"

#include <catch2/catch.hpp>

using namespace ec;

TEST_CASE("C++ names are said without template arguments, parameters and return types") {
  struct Case {
    const char *demangled, *spoken;
  };
  const Case cases[] = {
      {"main", "main"},
      {"pthread_mutex_lock", "pthread_mutex_lock"},
      {"serve(int)", "serve"},
      {"(anonymous namespace)::spin()", "(anonymous namespace)::spin"},
      {"void std::__invoke_impl<void, void (*)(int), int>(std::__invoke_other, void (*&&)(int), int&&)",
       "std::__invoke_impl"},
      {"std::__invoke_result<void (*)()>::type std::__invoke<void (*)()>(void (*&&)())", "std::__invoke"},
      {"std::thread::_Invoker<std::tuple<void (*)(int), int> >::operator()()", "std::thread::_Invoker::operator()"},
      {"Pool::size() const", "Pool::size"},
      {"ns::operator<<(std::ostream&, ns::T const&)", "ns::operator<<"},
      {"ns::operator< <int>(int)", "ns::operator<"},
      {"A::operator->() const", "A::operator->"},
      {"operator new(unsigned long)", "operator new"},
      {"parse<a<b<c> > >::step(int) [clone .cold]", "parse::step"},
      // Other languages.
      {"main.(*Server).handle", "main.(*Server).handle"},
      {"runtime.gopark", "runtime.gopark"},
      {"java_lang_Thread.run", "java_lang_Thread.run"},
      {"_ZN3fooE", "_ZN3fooE"},
      // Hostile: unbalanced.
      {"a::b<<<<", "a::b"},
      {"x::)>)>", "x::)>)>"},
      {"", ""},
  };
  for (const Case& c : cases) {
    CAPTURE(c.demangled);
    CHECK(spoken_name(c.demangled) == c.spoken);
  }
}

TEST_CASE("the C++ library's plumbing is told from a program's functions") {
  CHECK(is_plumbing("std::__invoke_result<void (*)()>::type std::__invoke<void (*)()>(void (*&&)())"));
  CHECK(is_plumbing("std::thread::_State_impl<std::thread::_Invoker<std::tuple<void (*)()> > >::_M_run()"));
  CHECK_FALSE(is_plumbing("std::mutex::lock()"));
  CHECK_FALSE(is_plumbing("invoke_handler(int)"));
  CHECK_FALSE(is_plumbing("main"));
}
