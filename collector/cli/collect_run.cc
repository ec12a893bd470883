#include "collector/cli/collect_run.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstring>

#include "collector/analysis/usual.h"
#include "collector/base/text.h"
#include "collector/base/write_file.h"
#include "collector/cli/baseline.h"
#include "collector/cli/death_evidence.h"
#include "collector/cli/exit_code.h"
#include "collector/cli/own_process.h"
#include "collector/cli/run_record.h"
#include "collector/cli/terminal.h"
#include "collector/cli/version.h"
#include "collector/collectors/host_constants.h"
#include "collector/report/page.h"
#include "collector/report/page_content.h"
#include "collector/target/death.h"

namespace ec {

namespace {

// Rates need an interval: shorter than this, /proc's clock ticks make them noise.
constexpr milliseconds kRateInterval{200};
// A slow part longer than this makes a third reading worth its cost.
constexpr milliseconds kWorthAThirdReading{1000};
constexpr int kDefaultDeadlineSeconds = 30;
constexpr milliseconds kPostMortem{500};

bool listed(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool wanted(const CollectRequest& request, const Collector& collector) {
  // What goes on here now has nothing to do with a process that is dead, or was elsewhere.
  if (!collector.applies(request.run.core != nullptr)) return false;
  if (listed(request.skip, collector.name)) return false;
  return request.only.empty() || listed(request.only, collector.name);
}

// First readings in table order, then second readings of what becomes a rate, then what is slow.
std::vector<Step> steps_of(const CollectRequest& request, Lane lane, Clock::time_point started) {
  std::vector<Step> steps;
  auto add = [&](Reading reading, bool slow, Clock::time_point not_before) {
    for (const Collector& collector : collector_table())
      if (collector.lane == lane && collector.slow == slow && wanted(request, collector) &&
          (reading == Reading::kFirst || collector.two_readings))
        steps.push_back({&collector, reading, not_before});
  };
  add(Reading::kFirst, false, {});
  add(Reading::kSecond, false, started + kRateInterval);
  add(Reading::kFirst, true, {});
  return steps;
}

std::string safe_for_file_name(std::string_view text) {
  std::string safe;
  for (char c : text) {
    bool plain = std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
    safe += plain ? c : '_';
  }
  while (safe.starts_with('.') || safe.starts_with('-')) safe.erase(0, 1);
  return safe.empty() ? "unknown" : safe.substr(0, 64);
}

Deadline run_deadline(const CollectRequest& request) {
  if (request.deadline_seconds) return Deadline::in(std::chrono::seconds(*request.deadline_seconds));
  nanoseconds series = (request.run.samples - 1) * request.run.every;
  return Deadline::in(std::chrono::seconds(kDefaultDeadlineSeconds + request.run.profile_seconds) + series);
}

}  // namespace

std::string archive_folder(std::string_view host, std::string_view comm, int pid, int64_t wall_ns) {
  return fmt::format("incident-{}-{}-{}-{}", safe_for_file_name(host), safe_for_file_name(comm), pid,
                     compact_utc(wall_ns));
}

CollectRun::CollectRun(const CollectRequest& request, TargetIdentity target, RunbookShelf shelf,
                       std::unique_ptr<ArchiveWriter> writer, std::string no_archive_reason)
    : request_(request),
      target_(std::move(target)),
      shelf_(std::move(shelf)),
      writer_(std::move(writer)),
      no_archive_reason_(std::move(no_archive_reason)),
      started_(Clock::now()),
      deadline_(run_deadline(request)),
      redactor_(request.redact),
      progress_(request.progress, request.quiet, started_),
      runner_(&target_, request.run, started_, *this) {}

int CollectRun::execute(const SignalPipe& signals) {
  describe_run();
  start_collectors();
  wait_for(signals, [this] { return runner_.fast_part_ended(); });
  fast_part_ended_ = Clock::now();
  analyse_now();
  show_first_page();
  store_derived();
  if (!runner_.idle() && !snapshot_.run.interrupted) {
    writer_->checkpoint();
    wait_for(signals, [this] { return runner_.idle(); });
    read_rates_once_more(signals);
    analyse_now();
  }
  return close();
}

double CollectRun::since_start_ms() const {
  return std::chrono::duration<double, std::milli>(Clock::now() - started_).count();
}

void CollectRun::describe_run() {
  RunInfo& run = snapshot_.run;
  run.version = kVersion;
  run.build_id = own_build_id();
  run.started_wall_ns = wall_clock_ns();
  run.options = recorded_options(request_);
  for (auto& [name, value] : run.options) value = redactor_.text(value);
  OwnPrivileges own = own_privileges();
  run.privileges_missing = missing_privileges(own);
  run.root = own.root;
  run.in_user_namespace = !own.initial_user_namespace;
  run.redacted = request_.redact;
  snapshot_.target.pid = target_.pid;
  snapshot_.target.start_ticks = target_.start_ticks;
  snapshot_.target.comm = target_.comm;
  snapshot_.host.name = host_name();
  store("raw/host/constants", "sysconf(3), clock_gettime(2)", host_constants_text(), Importance::kNormal);
  store("raw/run", "the collector itself", run_record_text(snapshot_), Importance::kNormal);
}

void CollectRun::start_collectors() {
  for (Lane lane : {Lane::kStacks, Lane::kMain, Lane::kRisky, Lane::kEndpoint, Lane::kSampler, Lane::kFaults})
    runner_.start(steps_of(request_, lane, started_), deadline_);
}

// Waits until `enough`, an interruption or the deadline. The death of the target is noted when it happens.
void CollectRun::wait_for(const SignalPipe& signals, const std::function<bool()>& enough) {
  while (!runner_.idle() && !enough() && !snapshot_.run.interrupted) {
    bool watch_death = target_.pidfd && !snapshot_.target.death && target_.state != 'Z';
    runner_.pump(deadline_, {signals.fd(), watch_death ? target_.pidfd->get() : -1}, enough);
    if (watch_death) note_death();
    if (int signal = signals.received()) {
      snapshot_.run.interrupted = true;
      snapshot_.run.interrupted_by = sigabbrev_np(signal) ? fmt::format("SIG{}", sigabbrev_np(signal)) : "a signal";
    } else if (deadline_.passed()) {
      snapshot_.run.interrupted = true;
      snapshot_.run.interrupted_by = "the deadline";
    }
  }
  if (snapshot_.run.interrupted) runner_.stop(fmt::format("the run was ended by {}", snapshot_.run.interrupted_by));
}

void CollectRun::note_death() {
  if (snapshot_.target.death || target_.state == 'Z' || request_.run.core) return;
  auto how = changed(target_);
  if (!how) return;
  TargetDeath death;
  death.at_ms = since_start_ms();
  death.how = *how;
  if (auto exit = exit_of(target_)) death.how = *exit;
  snapshot_.target.death = death;
}

// The kernel log again: the words of the OOM killer came after the first reading.
void CollectRun::read_kernel_log_again() {
  std::vector<Step> steps;
  for (const Collector& collector : collector_table())
    if (collector.name == "kernel_log" && wanted(request_, collector))
      steps.push_back({&collector, Reading::kLast, {}});
  Deadline soon = Deadline::in(kPostMortem);
  runner_.start(std::move(steps), soon);
  runner_.pump(soon, {}, [this] { return raw_.row(raw_path(Reading::kLast, "kmsg.txt")) != nullptr; });
}

void CollectRun::gather_death_evidence() {
  std::string& text = snapshot_.target.death->evidence;
  text.clear();
  for (const DeathEvidence& found : evidence_of_death(snapshot_)) {
    if (!found.artifact.empty() && !raw_.row(found.artifact))
      store(found.artifact, found.source, found.bytes, Importance::kNormal);
    if (!found.sentence.empty()) text += (text.empty() ? "" : "; ") + found.sentence;
  }
}

void CollectRun::analyse_now() {
  note_death();
  if (snapshot_.target.death && !raw_.row(raw_path(Reading::kLast, "kmsg.txt"))) read_kernel_log_again();
  parse_all(raw_, snapshot_);
  if (snapshot_.target.death) gather_death_evidence();
  take_target_facts(snapshot_);
  if (!request_.baseline.empty() && !snapshot_.baseline) read_baseline();
  snapshot_.run.finished_wall_ns = wall_clock_ns();
  snapshot_.run.cost = own_cost(since_start_ms() / 1000);
  snapshot_.artifacts = writer_->rows();
  findings_ = analyse(snapshot_);
}

// It costs no evidence: the fast part is stored by now.
void CollectRun::read_baseline() {
  auto baseline = load_baseline(request_.baseline, request_.store, snapshot_, deadline_);
  ArtifactRow row;
  row.path = kBaselinePath;
  row.source = "--baseline";
  row.at_ms = since_start_ms();
  snapshot_.baseline.emplace();
  if (!baseline) {
    say(fmt::format("--baseline: {}", baseline.error().message()));
    row.status = Status::kFailed;
    row.reason = baseline.error().message();
    (void)writer_->add(row, {}, Importance::kNormal);
    return;
  }
  snapshot_.baseline = std::move(*baseline);
  store(std::string(kBaselinePath), row.source, baseline_text(*snapshot_.baseline), Importance::kNormal);
}

void CollectRun::show_first_page() {
  progress_.clear();
  if (request_.quiet) return;
  // Standard output belongs to the archive with -o -: the page goes to standard error.
  int out = request_.output == "-" ? STDERR_FILENO : STDOUT_FILENO;
  Page page{snapshot_, findings_, "", &shelf_};
  Terminal terminal = terminal_of(out);
  write_all(out, summary_terminal(page, terminal.colour, terminal.columns));
  if (!runner_.idle() && out == STDOUT_FILENO) {
    shown_.emplace(snapshot_, findings_);
    progress_.note("profiles are still being pulled; what they add follows");
  }
}

void CollectRun::store_derived() {
  for (DerivedArtifact& derived : derived_artifacts(snapshot_, raw_))
    store(std::move(derived.path), std::move(derived.source), derived.bytes, Importance::kNormal);
  if (!runner_.idle()) {
    Page page{snapshot_, findings_, "", &shelf_};
    store("summary.early.md", "before the slow part", summary_markdown(page), Importance::kEssential);
  }
}

void CollectRun::read_rates_once_more(const SignalPipe& signals) {
  if (snapshot_.run.interrupted || Clock::now() - fast_part_ended_ < kWorthAThirdReading) return;
  for (Lane lane : {Lane::kStacks, Lane::kMain, Lane::kRisky}) {
    std::vector<Step> steps;
    for (const Collector& collector : collector_table())
      if (collector.lane == lane && collector.two_readings && wanted(request_, collector))
        steps.push_back({&collector, Reading::kLast, {}});
    runner_.start(std::move(steps), deadline_);
  }
  wait_for(signals, [this] { return runner_.idle(); });
}

void CollectRun::artifact(ArtifactRow row, std::string bytes, Redact redact) {
  Redacted clean = redactor_.redact(redact, row.path, std::move(bytes));
  row.redactions = clean.count;
  row.reason = redactor_.text(row.reason);
  row.source = redactor_.text(row.source);
  // A failed add is in the row; the snapshot still learns from the bytes.
  ArtifactRow stored = row;
  (void)writer_->add(stored, clean.bytes);
  row.path = stored.path;  // as the archive names it, so that a replay finds it under the same name
  raw_.add(std::move(row), std::move(clean.bytes));
}

void CollectRun::progress(const Collector& collector, Reading reading, Progress progress) {
  progress_.collector(collector, reading, progress);
}

void CollectRun::store(std::string path, std::string source, std::string_view bytes, Importance importance) {
  ArtifactRow row;
  row.path = std::move(path);
  row.source = std::move(source);
  row.at_ms = since_start_ms();
  bool raw = row.path.starts_with("raw/");
  ArtifactRow stored = row;
  (void)writer_->add(stored, bytes, importance);
  if (raw) raw_.add(std::move(row), std::string(bytes));
}

int CollectRun::close() {
  bool known_dead = snapshot_.target.death.has_value();
  note_death();
  if (snapshot_.target.death && !known_dead) analyse_now();
  for (DerivedArtifact& derived : late_artifacts(snapshot_))
    store(std::move(derived.path), std::move(derived.source), derived.bytes, Importance::kNormal);
  snapshot_.artifacts = writer_->rows();
  Page page{snapshot_, findings_, "", &shelf_};
  for (const Finding& finding : findings_)
    if (const Runbook* runbook = shelf_.find(finding.id))
      store(fmt::format("runbooks/{}.md", finding.id), runbook->origin,
            filled_in(runbook->text, command_places(snapshot_)), Importance::kEssential);
  store("summary.md", "findings and figures", summary_markdown(page), Importance::kEssential);
  store("summary.json", "findings and figures", summary_json(page), Importance::kEssential);

  snapshot_.artifacts = writer_->rows();
  bool complete = !snapshot_.run.interrupted && !snapshot_.target.death && is_complete(snapshot_);
  snapshot_.run.finished_wall_ns = wall_clock_ns();
  auto finished = writer_->finish(manifest_json(snapshot_, writer_->rows(), complete));
  progress_.clear();
  if (!finished && finished.error().code == ErrorCode::kNotFound) {
    no_archive_reason_ = finished.error().message();
  } else if (!finished) {
    say(fmt::format("the archive {}: {}", request_.output == "-" ? "is cut off" : "keeps its unfinished name",
                    finished.error().message()));
    complete = false;
  }
  return leave(writer_->path(), complete);
}

int CollectRun::leave(const std::string& archive_path, bool complete) {
  if (!request_.quiet && request_.output != "-") {
    Terminal terminal = terminal_of(STDOUT_FILENO);
    if (shown_) {
      Page before{shown_->first, shown_->second, "", &shelf_}, now{snapshot_, findings_, archive_path, &shelf_};
      write_all(STDOUT_FILENO, update_terminal(before, now, terminal.colour, terminal.columns));
    }
    if (no_archive_reason_.empty())
      write_all(STDOUT_FILENO, fmt::format("\nArchive: {}{}\n", archive_path, complete ? "" : "  (partial)"));
  }
  if (!no_archive_reason_.empty()) {
    say(fmt::format("no archive was written: {}; use -o PATH, or -o - and pipe it elsewhere", no_archive_reason_));
    return kNothingCollected;
  }
  return complete ? kComplete : kPartialArchive;
}

void CollectRun::say(const std::string& line) const {
  write_all(STDERR_FILENO, fmt::format("emergency-collect: {}\n", redactor_.text(line)));
}

}  // namespace ec
