// /proc/PID/cmdline and /proc/PID/environ, proc(5): strings that end in NUL, in memory that the process can change.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ec {

// Arguments; every text is a valid one. A title without NULs that a program wrote over its arguments
// ("nginx: master process …") is one argument; NULs that only fill the old space behind it are dropped.
std::vector<std::string> parse_cmdline(std::string_view bytes);

// Name → value; a string without '=' has an empty value. Of a name that occurs twice the first counts, as in getenv(3).
std::map<std::string, std::string> parse_environ(std::string_view bytes);

}  // namespace ec
