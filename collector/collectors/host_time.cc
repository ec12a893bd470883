#include "collector/collectors/host_time.h"

#include <sys/timex.h>

#include <array>
#include <cerrno>
#include <map>

#include "collector/base/text.h"
#include "collector/collectors/host_readings.h"

namespace ec {

namespace {

constexpr std::string_view kSource = "sys/devices/system/clocksource/clocksource0/current_clocksource";
constexpr std::string_view kSources = "sys/devices/system/clocksource/clocksource0/available_clocksource";

std::map<std::string_view, int64_t> numbers_of(std::string_view text) {
  std::map<std::string_view, int64_t> numbers;
  LineCursor lines("raw/host/adjtimex", text);
  while (auto line = lines.next()) {
    FieldCursor fields(*line);
    auto name = fields.word();
    auto value = fields.number<int64_t>();
    if (name && value) numbers.insert_or_assign(*name, *value);
  }
  return numbers;
}

// A process that keeps the clock, by its name: TASK_COMM_LEN cuts it to 15 bytes.
std::string time_daemon(const RawStore& store) {
  constexpr std::array<std::string_view, 9> kDaemons{"chronyd", "ntpd",   "systemd-timesyn", "openntpd", "ptp4l",
                                                     "phc2sys", "ntpsec", "VBoxService",     "vmtoolsd"};
  for (const Section& section : store.bundle("raw/processes.bundle")) {
    if (section.failed || !section.name.ends_with("/stat")) continue;
    size_t open = section.bytes.find('('), close = section.bytes.rfind(')');
    if (open == std::string_view::npos || close == std::string_view::npos || close <= open) continue;
    std::string_view comm = section.bytes.substr(open + 1, close - open - 1);
    for (std::string_view name : kDaemons)
      if (comm == name) return name == "systemd-timesyn" ? "systemd-timesyncd" : std::string(name);
  }
  return {};
}

}  // namespace

void gather_host_time(GatherContext& context) {
  timex state{};  // modes 0: reads, sets nothing
  int clock = adjtimex(&state);
  if (clock < 0) {
    context.out.failed("raw/host/adjtimex", "adjtimex(2)", sys_error("adjtimex", errno));
  } else {
    context.out.artifact(
        "raw/host/adjtimex", "adjtimex(2)",
        fmt::format("state {}\nstatus {}\noffset {}\nfreq {}\nmaxerror {}\nesterror {}\nconstant {}\n"
                    "precision {}\ntolerance {}\ntick {}\nppsfreq {}\njitter {}\nshift {}\nstabil {}\n"
                    "jitcnt {}\ncalcnt {}\nerrcnt {}\nstbcnt {}\ntai {}\n",
                    clock, state.status, state.offset, state.freq, state.maxerror, state.esterror, state.constant,
                    state.precision, state.tolerance, state.tick, state.ppsfreq, state.jitter, state.shift,
                    state.stabil, state.jitcnt, state.calcnt, state.errcnt, state.stbcnt, state.tai),
        Redact::kNothing);
  }
  store_once(context, kSource, Redact::kNothing);
  store_once(context, kSources, Redact::kNothing);
}

void parse_host_time(const RawStore& store, Snapshot& snapshot) {
  auto text = store.read("raw/host/adjtimex");
  if (!text) {
    snapshot.host.time_sync = text.error();
    return;
  }
  auto numbers = numbers_of(*text);
  if (!numbers.contains("status")) {
    snapshot.host.time_sync = Error{ErrorCode::kTruncated, "raw/host/adjtimex", "expected a line status", 0};
    return;
  }
  TimeSync sync;
  int64_t status = numbers["status"];
  sync.synchronised = (status & STA_UNSYNC) == 0;
  sync.offset_ms = static_cast<double>(numbers["offset"]) / ((status & STA_NANO) != 0 ? 1e6 : 1e3);
  sync.max_error_ms = static_cast<double>(numbers["maxerror"]) / 1e3;
  sync.estimated_error_ms = static_cast<double>(numbers["esterror"]) / 1e3;
  if (auto source = latest_text(store, kSource)) sync.clock_source = printable_line(trim(source->text), 40);
  if (auto sources = latest_text(store, kSources))
    for (std::string_view word : split_fields(trim(sources->text)))
      sync.available_clock_sources.push_back(printable_line(word, 40));
  sync.daemon = time_daemon(store);
  snapshot.host.time_sync = std::move(sync);
}

}  // namespace ec
