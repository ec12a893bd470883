// A journal file of systemd, read without its library: the newest entries of one unit
// (systemd.io/JOURNAL_FILE_FORMAT). Read-only and safe on a file that is being written or damaged: every offset and
// size is checked, every chain is bounded. Nothing is opened here.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"

namespace ec {

// Copies `size` bytes at `offset` of the file; false when they are not all there.
using ReadAt = std::function<bool(uint64_t offset, void* to, size_t size)>;

struct JournalEntry {
  uint64_t realtime_us = 0;  // since 1970, UTC
  uint64_t sequence = 0;
  int priority = 6;        // syslog: 0 emergency … 7 debug
  std::string identifier;  // SYSLOG_IDENTIFIER, else _COMM
  std::string pid;         // _PID
  std::string message;     // any bytes; of a compressed field the note "(compressed field not read)"
};

// Entries whose _SYSTEMD_UNIT or UNIT (what systemd says about it) is `unit`, oldest first, at most the newest `limit`.
// Costs reads in the order of the entries wanted, not of the file: the index of the file is used.
// Errors: malformed (not a journal, or damaged where it matters), unsupported (flags of a newer format), truncated.
Result<std::vector<JournalEntry>> newest_entries(std::string_view where, const ReadAt& file, std::string_view unit,
                                                 size_t limit);

}  // namespace ec
