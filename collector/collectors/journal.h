// The newest lines of the systemd journal of the target's unit, read from the journal's files: logs/journal.txt.
#pragma once

#include <string>
#include <string_view>

#include "collector/collectors/collector.h"

namespace ec {

inline constexpr std::string_view kJournalArtifact = "logs/journal.txt";

// Part of the collector of logs. Without a unit, a journal, or leave to read it, the artifact fails with the reason.
void gather_journal(GatherContext& context);
// The unit of the target, when its journal can be read ("nginx.service"); for doctor. Errors: not found (no unit, or no
// journal), those of opendir(3) and open(2).
Result<std::string> readable_journal(const TargetIdentity& target);
inline constexpr std::string_view kJournalFix = "run as root, or as a member of the group systemd-journal";
// Lines stored, or why there are none.
Part<uint64_t> parse_journal_lines(const RawStore& store);

}  // namespace ec
