// The newest lines of the systemd journal of the target's unit, read from the journal's files: logs/journal.txt.
#pragma once

#include <string_view>

#include "collector/collectors/collector.h"

namespace ec {

inline constexpr std::string_view kJournalArtifact = "logs/journal.txt";

// Part of the collector of logs. Without a unit, a journal, or leave to read it, the artifact fails with the reason.
void gather_journal(GatherContext& context);
// Lines stored, or why there are none.
Part<uint64_t> parse_journal_lines(const RawStore& store);

}  // namespace ec
