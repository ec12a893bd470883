#include "collector/proc/pid_io.h"

#include <iterator>

#include "collector/base/text.h"

namespace ec {

Result<PidIo> parse_pid_io(std::string_view where, std::string_view text) {
  struct Field {
    std::string_view key;
    uint64_t PidIo::*field;
  };
  constexpr Field kFields[] = {
      {"rchar", &PidIo::read_chars},
      {"wchar", &PidIo::write_chars},
      {"syscr", &PidIo::read_syscalls},
      {"syscw", &PidIo::write_syscalls},
      {"read_bytes", &PidIo::read_bytes},
      {"write_bytes", &PidIo::write_bytes},
      {"cancelled_write_bytes", &PidIo::cancelled_write_bytes},
  };
  PidIo io;
  unsigned seen = 0;
  LineCursor lines(where, text);
  while (auto line = lines.next()) {
    size_t colon = line->find(':');
    if (colon == std::string_view::npos) return tl::unexpected(lines.expected("key: number"));
    for (size_t i = 0; i < std::size(kFields); ++i) {
      if (line->substr(0, colon) != kFields[i].key) continue;
      auto number = parse_number<uint64_t>(trim(line->substr(colon + 1)));
      if (!number) return tl::unexpected(lines.expected("a number"));
      io.*kFields[i].field = *number;
      seen |= 1u << i;
    }
  }
  if (seen != (1u << std::size(kFields)) - 1)
    return fail(ErrorCode::kTruncated, std::string(where), "expected seven counters");
  return io;
}

}  // namespace ec
