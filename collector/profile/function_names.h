#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "collector/profile/profile_builder.h"

namespace ec {

// "std::vector<int>::push_back(int const&)" → "std::vector::push_back"; names that do not look like C++ stay,
// "main.f[…]" of Go among them. As google/pprof simplifies names (internal/symbolizer).
std::string without_parameters(std::string_view name);

// Gives functions whose name is that of the linker one that people read: what `demangle` says, without change, or
// without_parameters() for what it gives back because it does not know it.
using Demangle = std::function<std::string(std::string_view)>;
void simplify_names(OwnedPprof& owned, const Demangle& demangle);

}  // namespace ec
