// /run/utmp: who is logged in. utmp(5)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"

namespace ec {

struct UtmpRecord {
  int type = 0;  // 7: a user's login
  int pid = 0;
  std::string line;  // "pts/0"
  std::string user;
  std::string host;   // where from, "" = here
  int64_t since = 0;  // seconds since the epoch
};

// Records of the machine that wrote them: 384 bytes where time stamps stayed 32 bit for compatibility (x86, arm, ppc,
// s390), 400 where they are 64 bit (aarch64, riscv64 …). `wide_times` tells which. A record cut short at the end is
// ignored.
std::vector<UtmpRecord> parse_utmp(std::string_view bytes, bool wide_times);
// By the machine name of uname(2).
bool utmp_has_wide_times(std::string_view machine);

// A file of /run/systemd/sessions: NAME=value lines. User and since are empty when it is not a login of a user.
struct SessionFile {
  std::string user, terminal, from, session_class, state;
  int64_t since = 0;  // seconds since the epoch
};
SessionFile parse_session_file(std::string_view text);

}  // namespace ec
