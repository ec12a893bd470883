#include "collector/collectors/host_pressure.h"

#include <cerrno>

#include "collector/collectors/host_readings.h"
#include "collector/proc/pressure.h"

namespace ec {

namespace {

std::optional<PressureLine> line_of(const std::optional<StallLine>& line) {
  if (!line) return std::nullopt;
  return PressureLine{line->avg10, line->avg60, line->avg300, line->total_us};
}

Part<Pressure> pressure_of(const RawStore& store, std::string_view path) {
  auto file = latest(store, path, parse_pressure);
  if (!file) return file.error();
  return Pressure{line_of(file->some), line_of(file->full)};
}

}  // namespace

void gather_host_pressure(GatherContext& context) {
  for (std::string_view path : {"proc/pressure/cpu", "proc/pressure/memory", "proc/pressure/io"}) {
    std::string file = fmt::format("/{}", path);
    context.out.touch(file);
    auto bytes = read_file(file);
    if (bytes) {
      context.out.artifact(raw_path(context.reading, path), file, *bytes, Redact::kNothing);
      continue;
    }
    Error error = bytes.error();
    // A kernel built with PSI that was not booted with psi=1 has the files and refuses to open them.
    bool off = error.sys_errno == EOPNOTSUPP;
    if (off || error.code == ErrorCode::kGone)
      error = Error{ErrorCode::kSkipped, file,
                    off ? "pressure accounting is switched off" : "this kernel has no pressure accounting (CONFIG_PSI)",
                    error.sys_errno};
    context.out.failed(raw_path(context.reading, path), file, error, off ? "boot with psi=1" : "");
  }
}

void parse_host_pressure(const RawStore& store, Snapshot& snapshot) {
  snapshot.host.cpu_pressure = pressure_of(store, "proc/pressure/cpu");
  snapshot.host.memory_pressure = pressure_of(store, "proc/pressure/memory");
  snapshot.host.io_pressure = pressure_of(store, "proc/pressure/io");
}

}  // namespace ec
