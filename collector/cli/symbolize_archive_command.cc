#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "collector/base/sha256.h"
#include "collector/base/text.h"
#include "collector/base/write_file.h"
#include "collector/cli/archive_copy.h"
#include "collector/cli/commands.h"
#include "collector/cli/exit_code.h"
#include "collector/cli/load_archive.h"
#include "collector/cli/missing_names.h"
#include "collector/cli/own_process.h"
#include "collector/cli/print.h"
#include "collector/cli/run_record.h"
#include "collector/cli/terminal.h"
#include "collector/cli/version.h"
#include "collector/collectors/added_names.h"
#include "collector/collectors/debuginfod.h"
#include "collector/report/page.h"
#include "collector/report/page_content.h"

namespace ec {

namespace {

bool is_there(const std::string& path) {
  struct stat about {};
  return lstat(path.c_str(), &about) == 0;
}
bool is_directory(const std::string& path) {
  struct stat about {};
  return stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode);
}

// Where the new archive goes, and its format.
WriterOptions destination_of(const SymbolizeArchiveRequest& request, const OpenedArchive& archive) {
  WriterOptions options;
  options.format = archive.format;
  options.folder = archive.folder.empty() ? "archive" : archive.folder;
  if (!options.folder.ends_with(kSymbolized)) options.folder += kSymbolized;
  options.output = request.output;
  for (ArchiveFormat format : {ArchiveFormat::kTarZst, ArchiveFormat::kTarGz, ArchiveFormat::kZip})
    if (request.output.ends_with(extension(format))) options.format = format;
  bool directory = is_directory(request.output);
  if (request.output.empty() || directory)
    options.output = name_of_copy(request.archive, options.format, directory ? request.output : "");
  return options;
}

size_t answers_of(const std::vector<OfflineModule>& modules) {
  size_t answers = 0;
  for (const OfflineModule& module : modules)
    for (const OfflineAddress& address : module.addresses)
      answers += !address.answer.symbol.empty() || !address.answer.lines.empty();
  return answers;
}

std::string modules_text(const std::vector<OfflineModule>& modules) {
  std::string text;
  for (const OfflineModule& module : modules) {
    text += fmt::format("  {}: ", printable_line(module.path, 300));
    std::string from = module.debug_file.empty() ? module.file : module.debug_file;
    text += from.empty()            ? printable_line(module.reason, 600)
            : module.reason.empty() ? printable_line(from, 300)
                                    : printable_line(from, 300) + " (" + printable_line(module.reason, 300) + ")";
    text += '\n';
  }
  return text;
}

// The pages that names are in, and those that the first archive has no more than a promise of.
bool is_renewed(const std::string& path, const OpenedArchive& archive) {
  return path.starts_with("threads/") || path == "profiles/samples.pb.gz" || path.starts_with("profiles/cpu.") ||
         !archive.store.read(path);
}

std::map<std::string, std::string> fetch(const std::vector<OfflineModule>& modules,
                                         const SymbolizeArchiveRequest& request, Deadline deadline,
                                         DebugPlaces& places) {
  if (request.debuginfod.empty()) return {};
  std::vector<DebuginfodModule> wanted;
  for (const OfflineModule& module : modules) wanted.push_back({module.build_id, module.path});
  return fetch_missing(wanted, {request.debuginfod, debuginfod_cache(), deadline}, places);
}

class SymbolizedArchive {
 public:
  SymbolizedArchive(const OpenedArchive& archive, ArchiveWriter& writer) : archive_(archive), writer_(writer) {}

  Result<void> write(const AddedNames& names) {
    Snapshot snapshot = snapshot_of(archive_);
    take_target_facts(snapshot);
    if (snapshot.run.finished_wall_ns == 0) snapshot.run.finished_wall_ns = snapshot.run.started_wall_ns;
    auto findings = analyse(snapshot);
    auto derived = derived_artifacts(snapshot, archive_.store);
    for (DerivedArtifact& each : late_artifacts(snapshot)) derived.push_back(std::move(each));
    std::erase_if(derived, [&](const DerivedArtifact& each) { return !is_renewed(each.path, archive_); });
    auto replaced = [&](const std::string& path) {
      return path == kAddedNamesPath || path == "summary.md" || path == "summary.json" ||
             std::any_of(derived.begin(), derived.end(), [&](const auto& each) { return each.path == path; });
    };
    if (auto copied = copy_artifacts(archive_, replaced, writer_); !copied) return copied;
    if (auto added = add(kAddedNamesPath, "symbolize: debug files", added_names_json(names)); !added) return added;
    for (DerivedArtifact& each : derived)
      if (auto added = add(each.path, each.source, each.bytes); !added) return added;
    auto shelf = RunbookShelf::open({});
    for (const Finding& finding : findings) {
      std::string path = fmt::format("runbooks/{}.md", finding.id);
      const Runbook* runbook = shelf ? shelf->find(finding.id) : nullptr;
      if (!runbook || archive_.store.read(path)) continue;
      if (auto added = add(path, runbook->origin, filled_in(runbook->text, command_places(snapshot))); !added)
        return added;
    }
    snapshot.artifacts = writer_.rows();
    Page page{snapshot, findings, "", shelf ? &*shelf : nullptr};
    if (auto added = add("summary.md", "findings and figures", summary_markdown(page)); !added) return added;
    if (auto added = add("summary.json", "findings and figures", summary_json(page)); !added) return added;
    snapshot.artifacts = writer_.rows();
    complete_ = archive_.complete && archive_.damage.empty() && is_complete(snapshot);
    counts_ = count_frames(snapshot.stacks);
    return writer_.finish(manifest_json(snapshot, writer_.rows(), complete_));
  }
  bool complete() const { return complete_; }
  const FrameCounts& counts() const { return counts_; }

 private:
  Result<void> add(std::string_view path, std::string_view source, std::string_view bytes) {
    ArtifactRow row;
    row.path = path;
    row.source = source;
    if (const ArtifactRow* before = archive_.store.row(path)) row.at_ms = before->at_ms;
    return writer_.add(row, bytes, Importance::kEssential);
  }

  const OpenedArchive& archive_;
  ArchiveWriter& writer_;
  bool complete_ = false;
  FrameCounts counts_;
};

int nothing_added(const std::string& archive, const std::vector<OfflineModule>& modules) {
  if (modules.empty()) {
    complain(fmt::format("{}: no frame is without a name or a line; no archive was written", archive));
    return kNothingCollected;
  }
  complain(fmt::format("{}: no name was found; no archive was written", archive));
  write_all(STDERR_FILENO, modules_text(modules));
  return kNothingCollected;
}

}  // namespace

int run_command(const SymbolizeArchiveRequest& request) {
  if (request.output == "-" && terminal_of(STDOUT_FILENO).is_terminal) {
    complain("-o - would write the archive to the terminal; pipe it or give a file");
    return kUsage;
  }
  auto opened = open_archive(request.archive);
  if (!opened) {
    complain(opened.error());
    return kNothingCollected;
  }
  if (!opened->damage.empty()) complain(fmt::format("{}: {}", request.archive, opened->damage));
  WriterOptions options = destination_of(request, *opened);
  if (options.output != "-" && is_there(options.output)) {
    complain(fmt::format("{} is there already; -o names another file", options.output));
    return kNothingCollected;
  }
  std::vector<OfflineModule> modules = missing_names(opened->store);
  DebugPlaces places{-1, request.debug_directories};
  places.known = index_of(request.debug_directories);
  places.split_files = true;
  Deadline deadline = Deadline::in(std::chrono::seconds(request.deadline_seconds));
  auto not_fetched = fetch(modules, request, deadline, places);
  name_offline(modules, places, deadline);
  for (OfflineModule& module : modules)
    if (auto why = not_fetched.find(module.build_id); why != not_fetched.end())
      module.reason += (module.reason.empty() ? "" : "; ") + why->second;
  if (answers_of(modules) == 0) return nothing_added(request.archive, modules);

  AddedNames names = with_answers(opened->store, modules);
  names.version = kVersion;
  names.collector_build_id = own_build_id();
  names.at_wall_ns = wall_clock_ns();
  names.archive = request.archive.substr(request.archive.rfind('/') + 1);  // npos + 1 == 0
  if (auto manifest = opened->store.read("manifest.json")) names.manifest_sha256 = to_hex(sha256(*manifest));
  FrameCounts before = count_frames(snapshot_of(*opened).stacks);
  ArtifactRow row;
  row.path = kAddedNamesPath;
  opened->store.add(row, added_names_json(names));

  auto writer = ArchiveWriter::create(options);
  if (!writer) {
    complain(writer.error());
    return kNothingCollected;
  }
  SymbolizedArchive fresh(*opened, **writer);
  if (auto written = fresh.write(names); !written) {
    complain(fmt::format("no archive was written: {}", written.error().message()));
    if (options.output != "-") unlink((*writer)->path().c_str());  // ours, and the first archive has everything
    return kNothingCollected;
  }
  const FrameCounts& after = fresh.counts();
  std::string text = fmt::format("names of {} of {} frames (before: {} of {}), lines of {} (before: {})\n", after.named,
                                 after.frames, before.named, before.frames, after.with_line, before.with_line) +
                     modules_text(modules);
  if (options.output == "-")
    write_all(STDERR_FILENO, text);
  else
    print(text + fmt::format("Archive: {}{}\n", (*writer)->path(), fresh.complete() ? "" : "  (partial)"));
  return fresh.complete() ? kComplete : kPartialArchive;
}

}  // namespace ec
