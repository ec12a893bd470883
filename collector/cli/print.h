#pragma once

#include <string>
#include <string_view>

#include "collector/base/error.h"

namespace ec {

// To standard output; a reader that went away is not our problem.
void print(std::string_view text);
// "emergency-collect: TEXT" to standard error, one printable line.
void complain(std::string_view text);
void complain(const Error& error);

}  // namespace ec
