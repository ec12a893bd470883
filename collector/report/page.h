// The first page, from snapshot and findings. Pure. Markdown and terminal show the same page.
#pragma once

#include <string>
#include <vector>

#include "collector/analysis/finding.h"
#include "collector/archive/raw_store.h"
#include "collector/report/runbook.h"
#include "collector/snapshot/snapshot.h"

namespace ec {

struct Page {
  const Snapshot& snapshot;
  const std::vector<Finding>& findings;
  std::string archive_path;                // "" while it is not known
  const RunbookShelf* runbooks = nullptr;  // whose commands stand beside the findings; null: the built-in pages
};

// summary.md: verdict, findings with evidence and runbook, key figures with rates, top thread groups, open-file
// classes, what was not examined and how to get it, what the collection cost the target. At most 64 KB.
std::string summary_markdown(const Page& page);
// The same for a terminal: ANSI colours when `colour`, lines no wider than `columns` (0 = unlimited).
std::string summary_terminal(const Page& page, bool colour, int columns);
// summary.json, ARCHIVE.md.
std::string summary_json(const Page& page);
// What a slow part added after the first page was shown: new findings, pulled profiles; "" when nothing.
std::string update_terminal(const Page& before, const Page& now, bool colour, int columns);

struct DerivedArtifact {
  std::string path;    // "threads/stacks.txt", "process/fds.json", "system/processes.txt" …
  std::string source;  // what it was computed from
  std::string bytes;
};
// The human-readable folders of the archive (process/, threads/, system/) except the summary: pure functions of the
// snapshot, or copies of raw files under their contract name.
std::vector<DerivedArtifact> derived_artifacts(const Snapshot& snapshot, const RawStore& store);
// Those of the slow part: what a series of samples, samples of CPU time and the profiles show.
std::vector<DerivedArtifact> late_artifacts(const Snapshot& snapshot);

// `checklist`: one screen.
std::string checklist_terminal(const Snapshot& snapshot, bool colour, int columns);
// `stacks`: whose they are, what the rules say of them, all stacks of threads in groups, all goroutines and Java
// threads.
std::string stacks_page(const Page& page);

}  // namespace ec
