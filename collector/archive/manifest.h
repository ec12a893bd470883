// manifest.json and journal.jsonl, to text and back. Private to this layer; manifest_json() is declared in writer.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"
#include "collector/snapshot/snapshot.h"

namespace ec {

// One line, without newline. Reasons longer than `longest` are cut.
std::string row_json(const ArtifactRow& row, size_t longest = 4096);
std::optional<ArtifactRow> row_from_json(std::string_view line);

std::string journal_of(const std::vector<ArtifactRow>& rows);
std::vector<ArtifactRow> rows_of_journal(std::string_view text);  // a damaged line is left out

struct Manifest {
  RunInfo run;
  TargetInfo target;
  std::string host_name, boot_id, kernel;
  bool complete = false;
  std::vector<ArtifactRow> rows;
};
// Errors: malformed. What is missing or has another type stays empty.
Result<Manifest> manifest_from_json(std::string_view text);

// "2026-11-20T21:46:38Z" or with milliseconds; 0 when it is neither.
int64_t ns_of_rfc3339(std::string_view text);

}  // namespace ec
