#include <unistd.h>

#include <algorithm>

#include "collector/base/text.h"
#include "collector/cli/baseline.h"
#include "collector/cli/commands.h"
#include "collector/cli/exit_code.h"
#include "collector/cli/load_archive.h"
#include "collector/cli/print.h"
#include "collector/cli/run_record.h"
#include "collector/cli/terminal.h"
#include "collector/report/page.h"

namespace ec {

namespace {

int show_list(const OpenedArchive& archive) {
  std::string text = fmt::format("{:<9} {:>10} {:>9}  {}\n", "STATUS", "BYTES", "AT", "ARTIFACT");
  for (const ArtifactRow& row : archive.rows) {
    text += fmt::format("{:<9} {:>10} {:>7.0f}ms  {}", to_string(row.status), row.bytes, row.at_ms,
                        printable_line(row.path));
    if (row.redactions) text += fmt::format("  [{} redacted]", row.redactions);
    if (!row.reason.empty()) text += fmt::format("  ({})", printable_line(row.reason));
    text += '\n';
  }
  print(text);
  return kComplete;
}

int show_artifact(const OpenedArchive& archive, const std::string& name) {
  auto bytes = archive.store.read(name);
  if (!bytes) {
    complain(bytes.error().code == ErrorCode::kNotFound ? fmt::format("{}: no such artifact; --list shows them", name)
                                                        : bytes.error().message());
    return kNothingCollected;
  }
  Terminal terminal = terminal_of(STDOUT_FILENO);
  // A terminal obeys control bytes, and an artifact holds what a hostile process wrote.
  print(terminal.is_terminal ? printable_utf8(*bytes) : std::string(*bytes));
  return kComplete;
}

}  // namespace

int run_command(const ShowRequest& request) {
  auto loaded = load_archive(request.archive);
  if (!loaded) {
    complain(loaded.error());
    return kNothingCollected;
  }
  const OpenedArchive& archive = loaded->archive;
  if (!archive.damage.empty()) complain(fmt::format("{}: {}", request.archive, archive.damage));
  if (request.list) return show_list(archive);
  if (!request.artifact.empty()) return show_artifact(archive, request.artifact);

  Terminal terminal = terminal_of(STDOUT_FILENO);
  auto stored = archive.store.read("summary.md");
  if (stored && !request.reanalyse && request.baseline.empty() && !terminal.is_terminal) {
    print(*stored);
    return archive.complete ? kComplete : kPartialArchive;
  }
  auto shelf = RunbookShelf::open(request.runbooks);
  if (!shelf) {
    complain(shelf.error());
    return kUsage;
  }
  if (!request.baseline.empty()) {
    take_target_facts(loaded->snapshot);
    auto baseline = load_baseline(request.baseline, request.store, loaded->snapshot, Deadline::never());
    if (!baseline) {
      complain(fmt::format("--baseline: {}", baseline.error().message()));
      return kNothingCollected;
    }
    loaded->snapshot.baseline = std::move(*baseline);
  }
  auto findings = analyse(loaded->snapshot);
  Page page{loaded->snapshot, findings, request.archive, &*shelf};
  print(terminal.is_terminal ? summary_terminal(page, terminal.colour, terminal.columns) : summary_markdown(page));
  return archive.complete ? kComplete : kPartialArchive;
}

int run_command(const VerifyRequest& request) {
  auto archive = open_archive(request.archive);
  if (!archive) {
    complain(archive.error());
    return kNothingCollected;
  }
  Verification result = verify(*archive);
  std::string text = fmt::format("{}: {} artifacts, {}, {} of {} hashes right\n", archive->folder, result.artifacts,
                                 human_bytes(static_cast<double>(result.bytes)), result.hashes_right, result.artifacts);
  if (!archive->damage.empty()) text += fmt::format("cut short: {}\n", archive->damage);
  if (!archive->finished)
    text += "unfinished: there is no manifest; everything listed above is readable\n";
  else if (!archive->complete)
    text += "partial: the manifest says that something is missing (show --list tells what)\n";
  for (const std::string& problem : result.problems) text += fmt::format("problem: {}\n", printable_line(problem));
  for (const std::string& path : result.unlisted) text += fmt::format("unlisted: {}\n", printable_line(path));
  bool sound = result.problems.empty() && archive->damage.empty();
  if (sound && archive->finished && archive->complete) text += "complete and sound\n";
  print(text);
  if (!result.problems.empty()) return kNothingCollected;
  return sound && archive->finished && archive->complete ? kComplete : kPartialArchive;
}

}  // namespace ec
