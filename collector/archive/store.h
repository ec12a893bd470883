// A directory in which archives accumulate. It may hold other files too, put there by anybody: only what has the name
// of an archive of ours and opens as one is listed, and only that is ever removed. Archives arrive by a rename, so that
// none is seen half-way.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"
#include "collector/base/unique_fd.h"

namespace ec {

struct StoredArchive {
  std::string name;  // of the file
  uint64_t bytes = 0;
  int64_t stored_wall_ns = 0;   // its modification time
  int64_t started_wall_ns = 0;  // of the run
  int pid = 0;
  std::string comm, exe, unit, host;  // unit: as asked for with --unit
  bool complete = false;
  std::string verdict;  // of its summary; "" when it has none
  std::string worst;    // severity of its worst finding, "" = no finding
  // It has a summary, without a critical or high finding.
  bool good() const { return !verdict.empty() && worst != "critical" && worst != "high"; }
};

struct Retention {  // 0: no limit
  int64_t age_seconds = int64_t{30} * 86'400;
  uint64_t count = 1000;
  uint64_t bytes = uint64_t{20} << 30;
};

struct Removed {
  std::vector<StoredArchive> archives;
  std::vector<Error> problems;  // of those that should have been removed
};

class ArchiveStore {
 public:
  // `create`: it and its parents, mode 0700. Errors: not-found, those of open(2), malformed (not a directory).
  static Result<ArchiveStore> open(const std::string& directory, bool create);

  // Newest run first. What the directory holds besides archives is left out.
  Result<std::vector<StoredArchive>> list();
  // `name`: of the file, with or without its ending. Errors: usage (not the name of an archive), not-found, malformed
  // (not an archive).
  Result<StoredArchive> find(const std::string& name);
  std::string path_of(const StoredArchive& archive) const { return directory_ + "/" + archive.name; }

  // Copies an archive into the store; gives the name it has there. Errors: those of open_archive(); usage (its folder
  // has not the name of one of our runs); no-space; io.
  Result<std::string> put(const std::string& file);
  // Copies it to `output`: a file that is not there yet, a directory, or "-" for `stdout_fd`. Gives the path it has
  // there. Errors: gone; those of the destination.
  Result<std::string> copy_out(const StoredArchive& archive, const std::string& output, int stdout_fd) const;
  // Errors: as of find(); those of unlink(2).
  Result<void> remove(const std::string& name);
  // Removes the oldest until the rest is within the limits, and what is left of runs that were killed once it is too
  // old. `dry_run`: only says which. Errors: skipped (another one is at work: it does the same), those of list().
  Result<Removed> collect_garbage(const Retention& retention, int64_t now_wall_ns, bool dry_run);

  const std::string& directory() const { return directory_; }

 private:
  ArchiveStore(std::string directory, UniqueFd fd) : directory_(std::move(directory)), fd_(std::move(fd)) {}
  Result<StoredArchive> describe(const std::string& name) const;
  Result<void> unlink_archive(const StoredArchive& archive) const;
  std::vector<StoredArchive> remembered() const;
  void remember(const std::vector<StoredArchive>& archives) const;

  std::string directory_;
  UniqueFd fd_;
};

// "incident-HOST-COMM-PID-20261120T214638Z", perhaps ".symbolized", "-2", and one of the endings, perhaps ".partial".
bool is_archive_name(std::string_view name);
// Where archives go by default: $XDG_STATE_HOME/emergency-collect, else /var/lib/emergency-collect for root,
// ~/.local/state/emergency-collect for others. "" when none of them is known.
std::string default_store_directory();
// Of the same program: the same executable or unit where both archives tell it, else the same name.
bool same_program(const StoredArchive& archive, std::string_view comm, std::string_view exe, std::string_view unit);

}  // namespace ec
