// One line of a program's log: how bad it is, when it was written, and what remains when numbers and names are taken
// out. Knows plain words (ERROR, [error], FATAL:), JSON, logfmt, klog, syslog, nginx, PostgreSQL, Redis, access logs,
// and the first lines of Go, Python, Java and C++ crashes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ec {

enum class LogLevel { kNone, kWarning, kError, kFatal };
// "warning", "error", "fatal"; "" for none.
std::string_view to_string(LogLevel level);

// By the first level word of the line, so that "INFO last ERROR was …" is none.
LogLevel log_level(std::string_view line);

// Seconds since 1970 as if every time stamp were UTC: fit for differences between lines of one log, not for clock
// times. Stamps without a year (syslog, klog) count in the year 2000. Nothing when the line has none.
std::optional<double> log_time(std::string_view line);

// "2026-11-20 22:05:11 ERROR worker 12: no route to \"db1\"" → "# # ERROR worker #: no route to #". Of a JSON line, its
// message. At most 200 bytes, printable.
std::string log_pattern(std::string_view line);

}  // namespace ec
