#pragma once

#include <string>
#include <string_view>

namespace ec {

// A demangled C++ name without template arguments, parameters and return type, as one says it aloud:
// "void std::thread::_Invoker<std::tuple<void (*)(int)> >::operator()<0ul>(int)" → "std::thread::_Invoker::operator()".
// Names of other languages stay as they are.
std::string spoken_name(std::string_view demangled);

// Plumbing of the C++ library between two functions of a program: std::__invoke, std::thread::_State_impl,
// std::function …
bool is_plumbing(std::string_view demangled);

}  // namespace ec
