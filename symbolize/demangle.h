#pragma once

#include <string>
#include <string_view>

namespace ec {

// A C++ (Itanium ABI, "_Z…") or Rust name (legacy, or v0: "_R…") as a person would write it; Rust's hashes are removed
// and the escapes of its legacy names ("$LT$") are undone. Anything else, and what cannot be demangled, comes back as
// it is: "h" is a function, not "unsigned char". Names over 4096 bytes, and those that could expand without measure,
// are not tried; the result has at most 4096 bytes.
std::string demangle(std::string_view name);

// Whether it is a linker's name of Rust: demangled, angle brackets in it are no template arguments.
bool is_rust_name(std::string_view name);

}  // namespace ec
