#pragma once

#include <string>
#include <string_view>

namespace ec {

// A demangled C++ name without parameters, template arguments and return type, as profiles show it:
// "void std::sort<int*>(int*, int*)" → "std::sort", "(anonymous namespace)::Cache::get(int) const" →
// "(anonymous namespace)::Cache::get". Those of the function that something is local to stay, as `go tool pprof` keeps
// them: "load(std::vector<int>) const::{lambda(int)#1}::operator()(int)" →
// "load(std::vector) const::{lambda(int)#1}::operator()". What it cannot make out comes back as it is.
std::string plain_name(std::string_view demangled);

// The linker's name of a function as profiles show it: that of C++ as plain_name(), that of Rust as demangle(); what is
// no such name comes back as it is.
std::string plain_function(std::string_view linker_name);

}  // namespace ec
