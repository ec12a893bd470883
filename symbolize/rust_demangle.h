#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ec {

// A name in Rust's v0 mangling ("_R…"; RFC 2603, rustc book "v0 Symbol Format") as rustc-demangle prints it without
// hashes. Nothing when it is none. Back references can stand for gigabytes: what is longer than `limit` bytes, or
// nested deeper than people write, gives nothing as well.
std::optional<std::string> demangle_rust_v0(std::string_view mangled, size_t limit);

}  // namespace ec
