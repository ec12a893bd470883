// A journal file of systemd, read without its library: the newest entries of one unit
// (systemd.io/JOURNAL_FILE_FORMAT). Read-only and safe on a file that is being written or damaged: every offset and
// size is checked, every chain is bounded. Nothing is opened here.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"

namespace ec {

// Copies `size` bytes at `offset` of the file; false when they are not all there.
using ReadAt = std::function<bool(uint64_t offset, void* to, size_t size)>;

// The first bytes, at most `limit`, that a zstd frame or an xz stream unpacks to; nothing when it is damaged.
using UnpackStart = std::function<std::optional<std::string>(std::string_view packed, size_t limit)>;

// Whose lines are wanted.
struct JournalUnit {
  std::string name;     // "nginx.service"
  std::string user_id;  // of a unit of a user's own manager; "" = of the system
};

struct JournalEntry {
  uint64_t realtime_us = 0;  // since 1970, UTC
  uint64_t sequence = 0;
  int priority = 6;        // syslog: 0 emergency … 7 debug
  std::string identifier;  // SYSLOG_IDENTIFIER, else _COMM
  std::string pid;         // _PID
  std::string user_id;     // _UID
  std::string message;     // any bytes; of a compressed field that is damaged the note "(compressed field not read)"
};

// What journalctl -u shows (with --user for a unit of a user's manager): lines of the unit's processes, what the
// manager says about it, and its core dumps. Oldest first, at most the newest `limit`. Costs reads in the order of the
// entries wanted, not of the file: the index of the file is used. Errors: malformed (not a journal, or damaged where it
// matters), unsupported (flags of a newer format), truncated.
Result<std::vector<JournalEntry>> newest_entries(std::string_view where, const ReadAt& file, const UnpackStart& unpack,
                                                 const JournalUnit& unit, size_t limit);

}  // namespace ec
