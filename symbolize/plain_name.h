#pragma once

#include <string>
#include <string_view>

namespace ec {

// A demangled C++ name without parameters, template arguments and return type, as profiles show it:
// "void std::sort<int*>(int*, int*)" → "std::sort", "(anonymous namespace)::Cache::get(int) const" →
// "(anonymous namespace)::Cache::get", "main::{lambda(int)#1}::operator()(int)" → "main::{lambda(int)#1}::operator()".
// What it cannot make out comes back as it is.
std::string plain_name(std::string_view demangled);

}  // namespace ec
