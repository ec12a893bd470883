// What programs print of themselves into logs: stacks of goroutines, reports of race detectors.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collector/profile/goroutine_dump.h"
#include "collector/profile/race_report.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  int last = 0;
  for (const auto& dump : ec::find_goroutine_dumps(text, 100)) {
    if (dump.first_line <= last || dump.last_line < dump.first_line) std::abort();
    last = dump.last_line;
    uint64_t members = 0;
    for (const auto& group : dump.groups) members += group.count;
    if (members != dump.goroutines || members == 0) std::abort();
  }
  uint64_t most = UINT64_MAX;
  for (const auto& race : ec::find_races(text)) {
    if (race.count == 0 || race.count > most) std::abort();
    most = race.count;
    ec::access_words(race.access);
  }
  return 0;
}
