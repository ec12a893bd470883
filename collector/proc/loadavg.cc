#include "collector/proc/loadavg.h"

#include <cmath>

#include "collector/base/text.h"

namespace ec {

Result<LoadAverage> parse_loadavg(std::string_view where, std::string_view text) {
  LoadAverage load;
  LineCursor lines(where, text);
  FieldCursor fields(lines.next().value_or(""));
  for (double* field : {&load.load1, &load.load5, &load.load15}) {
    auto value = parse_double(fields.word().value_or(""));
    if (!value || !std::isfinite(*value) || *value < 0) return tl::unexpected(lines.expected("three load averages"));
    *field = *value;
  }
  auto counts = split(fields.word().value_or(""), '/');
  auto running = parse_number<uint64_t>(counts[0]);
  auto tasks = counts.size() == 2 ? parse_number<uint64_t>(counts[1]) : std::nullopt;
  if (!running || !tasks) return tl::unexpected(lines.expected("\"running/tasks\" after the load averages"));
  load.running = *running;
  load.tasks = *tasks;
  return load;
}

Result<double> parse_uptime(std::string_view where, std::string_view text) {
  LineCursor lines(where, text);
  FieldCursor fields(lines.next().value_or(""));
  auto seconds = parse_double(fields.word().value_or(""));
  if (!seconds || !std::isfinite(*seconds) || *seconds < 0) return tl::unexpected(lines.expected("seconds since boot"));
  return *seconds;
}

}  // namespace ec
