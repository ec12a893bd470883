#pragma once

#include <string_view>

#include "collector/base/part.h"
#include "collector/proc/pressure.h"
#include "collector/snapshot/process.h"

namespace ec {

// A pressure file as a part of the snapshot: the text, or why there is none.
inline Part<Pressure> pressure_part(std::string_view where, const Result<std::string_view>& text) {
  if (!text) return text.error();
  auto file = parse_pressure(where, *text);
  if (!file) return file.error();
  auto line = [](const std::optional<StallLine>& stall) -> std::optional<PressureLine> {
    if (!stall) return std::nullopt;
    return PressureLine{stall->avg10, stall->avg60, stall->avg300, stall->total_us};
  };
  return Pressure{line(file->some), line(file->full)};
}

}  // namespace ec
