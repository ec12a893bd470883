#include "collector/collectors/host_constants.h"

#include <time.h>
#include <unistd.h>

#include "collector/base/clock.h"
#include "collector/base/text.h"

namespace ec {

namespace {

int64_t now_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

HostConstants host_constants(const RawStore& store) {
  HostConstants constants;
  auto text = store.read("raw/host/constants");
  if (!text) return constants;
  LineCursor lines("raw/host/constants", *text);
  while (auto line = lines.next()) {
    FieldCursor fields(*line);
    auto name = fields.word();
    auto value = fields.number<int64_t>();
    if (!name || !value) continue;
    if (*name == "clock_ticks" && *value > 0) constants.clock_ticks = *value;
    if (*name == "page_size" && *value > 0) constants.page_size = static_cast<uint64_t>(*value);
    if (*name == "wall_ns") constants.wall_ns = *value;
    if (*name == "boottime_ns") constants.boottime_ns = *value;
    if (*name == "monotonic_ns") constants.monotonic_ns = *value;
    if (*name == "self_pid") constants.self_pid = static_cast<int>(*value);
  }
  return constants;
}

std::string host_constants_text() {
  return fmt::format("clock_ticks {}\npage_size {}\nwall_ns {}\nboottime_ns {}\nmonotonic_ns {}\nself_pid {}\n",
                     sysconf(_SC_CLK_TCK), sysconf(_SC_PAGESIZE), wall_clock_ns(), now_ns(CLOCK_BOOTTIME),
                     now_ns(CLOCK_MONOTONIC), getpid());
}

}  // namespace ec
