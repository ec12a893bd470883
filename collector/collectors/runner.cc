#include "collector/collectors/runner.h"

#include <poll.h>

#include <algorithm>
#include <cstring>
#include <thread>
#include <utility>

#include "collector/collectors/runner_frames.h"

namespace ec {

namespace {

// A read that was announced as risky and takes longer than this hangs.
constexpr milliseconds kRiskyTouch{250};
constexpr milliseconds kRiskyTouchOfTarget{1500};  // its mmap lock can be held for long by honest work
constexpr std::string_view kReadsFdLinks = "open_files", kLooksForProfiles = "endpoint";
constexpr int kMostRestarts = 8;  // of one collector

std::string seconds_text(nanoseconds span) {
  return fmt::format("{:.2f} s", std::chrono::duration<double>(span).count());
}

milliseconds risky_limit(const Collector& collector) {
  return collector.lane == Lane::kRisky ? kRiskyTouch : kRiskyTouchOfTarget;
}

}  // namespace

struct Runner::Bundle {
  std::string bytes, source;
  double at_ms = 0, took_ms = 0;
  uint64_t failed = 0;
  std::string first_failure;
};

struct Runner::Track {
  std::vector<Step> steps;
  size_t next = 0;     // the step that runs, or runs next
  bool begun = false;  // its kBegin has come
  Clock::time_point began_at{};
  std::optional<HelperProcess> helper;
  std::map<std::string, Bundle, std::less<>> bundles;
  std::vector<std::string> hung;  // touches that hung the running step
  int restarts = 0;
  Deadline deadline = Deadline::never();

  bool ended() const { return next >= steps.size(); }
};

Runner::Runner(const TargetIdentity* target, const RunOptions& options, Clock::time_point started,
               RunnerListener& listener)
    : target_(target), options_(options), started_(started), listener_(listener) {}

Runner::~Runner() = default;

double Runner::since_start_ms() const {
  return std::chrono::duration<double, std::milli>(Clock::now() - started_).count();
}

void Runner::start(std::vector<Step> steps, Deadline deadline) {
  if (steps.empty()) return;
  auto track = std::make_unique<Track>();
  track->steps = std::move(steps);
  track->deadline = deadline;
  for (const Step& step : track->steps)
    announce(*step.collector);
  launch(*track);
  tracks_.push_back(std::move(track));
}

// Before any helper runs that may wait for it.
void Runner::announce(const Collector& collector) {
  if (collector.name == kReadsFdLinks) fd_links_.expect();
  if (collector.name == kLooksForProfiles) profile_turn_.expect();
}

void Runner::launch(Track& track) {
  track.begun = false;
  auto body = [&](FrameWriter& writer) {
    const std::vector<std::string> none;
    for (size_t i = track.next; i < track.steps.size(); ++i) {
      const Step& step = track.steps[i];
      const auto& hung = i == track.next ? track.hung : none;
      HelperSink sink(writer, static_cast<uint32_t>(i), hung);
      sink.touch("the time for the second reading", false);
      std::this_thread::sleep_until(step.not_before);
      sink.begin();
      Deadline deadline = Deadline::in(step.collector->budget).earlier_of(track.deadline);
      GatherContext context{target_, options_, step.reading, deadline, hung, sink, &fd_links_, &profile_turn_};
      step.collector->gather(context);
      sink.end();
    }
  };
  auto helper = HelperProcess::start(body);
  if (helper)
    track.helper = std::move(*helper);
  else
    run_here(track, helper.error());
}

// No helper process can be made: what cannot hang the target or us (T0, not the risky lane) is done here, the rest is
// said to be skipped.
void Runner::run_here(Track& track, const Error& why) {
  std::string reason =
      fmt::format("no helper process could be started ({}), and this is not safe without one", why.message());
  for (; !track.ended(); ++track.next) {
    const Step& step = track.steps[track.next];
    const Collector& collector = *step.collector;
    listener_.progress(collector, step.reading, RunnerListener::Progress::kStarted);
    if (collector.tier == Tier::kT0 && collector.lane == Lane::kMain) {
      std::this_thread::sleep_until(std::min(step.not_before, track.deadline.at()));
      LocalSink sink(static_cast<uint32_t>(track.next));
      GatherContext context{target_, options_, step.reading, Deadline::in(collector.budget), {}, sink, nullptr, nullptr};
      collector.gather(context);
      for (const std::string& frame : sink.frames()) handle_frame(track, frame);
      flush_bundles(track, Status::kOk, "");
      listener_.progress(collector, step.reading, RunnerListener::Progress::kEnded);
    } else if (step.reading == Reading::kFirst) {
      ArtifactRow row;
      row.path = fmt::format("raw/{}", collector.name);
      row.source = collector.source;
      row.status = Status::kSkipped;
      row.reason = reason;
      row.fix = "free some PIDs or memory, or raise the limit of processes (ulimit -u, pids.max)";
      deliver(track, row, "", Redact::kNothing);
    }
    if (collector.name == kLooksForProfiles) profile_turn_.ended();
  }
}

void Runner::pump(Deadline deadline, const std::vector<int>& wake_fds, const std::function<bool()>& enough) {
  while (!idle() && !enough() && !deadline.passed()) {
    std::vector<pollfd> polls;
    for (int fd : wake_fds)
      if (fd >= 0) polls.push_back({fd, POLLIN, 0});
    size_t wakes = polls.size();
    for (auto& track : tracks_)
      if (track->helper && track->helper->fd() >= 0) polls.push_back({track->helper->fd(), POLLIN, 0});
    poll(polls.data(), polls.size(), std::min(deadline.remaining_ms(), 20));
    for (auto& track : tracks_) {
      while (drain(*track)) {
      }
      check_time(*track);
    }
    for (size_t i = 0; i < wakes; ++i)
      if (polls[i].revents != 0) return;
  }
}

bool Runner::drain(Track& track) {
  if (track.ended() || !track.helper) return false;
  std::string frame;
  switch (track.helper->poll_frame(frame)) {
    case HelperProcess::Status::kFrame:
      handle_frame(track, frame);
      return true;
    case HelperProcess::Status::kNothingYet:
      return false;
    case HelperProcess::Status::kEnded:
      helper_ended(track);
      return false;
  }
  return false;
}

void Runner::handle_frame(Track& track, std::string_view frame) {
  auto message = decode(frame);
  if (!message || message->step != track.next) return;
  const Step& step = track.steps[track.next];
  double at_ms = static_cast<double>(message->at_ns -
                                     std::chrono::duration_cast<nanoseconds>(started_.time_since_epoch()).count()) /
                 1e6;
  switch (message->kind) {
    case Message::Kind::kBegin:
      track.begun = true;
      track.began_at = Clock::now();
      if (track.restarts == 0) listener_.progress(*step.collector, step.reading, RunnerListener::Progress::kStarted);
      break;
    case Message::Kind::kArtifact: {
      ArtifactRow row;
      row.path = message->path;
      row.source = message->name;
      row.status = message->status;
      row.reason = message->reason;
      row.fix = message->fix;
      row.at_ms = at_ms;
      row.took_ms = static_cast<double>(message->took_ns) / 1e6;
      deliver(track, std::move(row), std::string(message->bytes), message->redact);
      break;
    }
    case Message::Kind::kSection:
    case Message::Kind::kFailedSection: {
      auto [place, fresh] = track.bundles.try_emplace(std::string(message->path));
      Bundle& bundle = place->second;
      if (fresh) bundle.at_ms = at_ms;
      bundle.took_ms = at_ms - bundle.at_ms;
      if (message->kind == Message::Kind::kSection) {
        append_section(bundle.bytes, message->name, message->bytes);
      } else {
        Error error{static_cast<ErrorCode>(message->error_code), std::string(message->name),
                    std::string(message->reason), message->sys_errno};
        append_failed_section(bundle.bytes, message->name, error);
        if (bundle.failed++ == 0) bundle.first_failure = error.message();
      }
      break;
    }
    case Message::Kind::kEnd:
      end_step(track, RunnerListener::Progress::kEnded);
      break;
  }
}

void Runner::end_step(Track& track, RunnerListener::Progress progress) {
  const Step& step = track.steps[track.next];
  flush_bundles(track, Status::kOk, "");
  listener_.progress(*step.collector, step.reading, progress);
  if (step.collector->name == kLooksForProfiles) profile_turn_.ended();
  ++track.next;
  track.begun = false;
  track.hung.clear();
  track.restarts = 0;
  if (track.ended() && track.helper) {
    // It exits by itself now; reaped, its CPU time is part of our cost.
    if (progress == RunnerListener::Progress::kEnded) track.helper->exit_status(milliseconds(50));
    track.helper->abandon();
  }
}

void Runner::flush_bundles(Track& track, Status status, const std::string& reason) {
  for (auto& [path, bundle] : track.bundles) {
    ArtifactRow row;
    row.path = path;
    row.source = track.steps[std::min(track.next, track.steps.size() - 1)].collector->source;
    row.status = status;
    row.reason = reason;
    row.at_ms = bundle.at_ms;
    row.took_ms = bundle.took_ms;
    deliver(track, std::move(row), std::move(bundle.bytes), Redact::kAuto);
  }
  track.bundles.clear();
}

void Runner::deliver(Track& track, ArtifactRow row, std::string bytes, Redact redact) {
  // A collector that was started again behind a hang repeats what came before it.
  if (!delivered_.insert(row.path).second) return;
  if (!track.ended()) row.collector = track.steps[track.next].collector->name;
  listener_.artifact(std::move(row), std::move(bytes), redact);
}

void Runner::check_time(Track& track) {
  if (track.ended() || !track.helper) return;
  const Step& step = track.steps[track.next];
  if (track.deadline.passed()) {
    while (!track.ended()) give_up(track, Status::kTimeout, "the deadline of the run passed", false);
    return;
  }
  if (!track.begun) return;
  std::string touch = track.helper->last_touch();
  nanoseconds stay = track.helper->since_touch();
  if (touch.starts_with('!') && stay > risky_limit(*step.collector) && !track.helper->is_runnable()) {
    give_up(track, Status::kTimeout, fmt::format("no answer within {}", seconds_text(stay)), true);
  } else if (Clock::now() - track.began_at > step.collector->budget + milliseconds(100)) {
    give_up(track, Status::kTimeout, fmt::format("over its time budget of {}", seconds_text(step.collector->budget)),
            false);
  }
}

void Runner::helper_ended(Track& track) {
  if (track.ended()) return;
  auto status = track.helper->exit_status(milliseconds(50));
  std::string reason = "the helper process ended early";
  if (status && *status < 0)
    reason = fmt::format("the helper process was ended by signal {} ({})", -*status, strsignal(-*status));
  give_up(track, Status::kFailed, reason, false);
}

// Ends the helper and goes on: behind the touch that hung when `retry_behind_touch`, else with the next step.
void Runner::give_up(Track& track, Status status, std::string reason, bool retry_behind_touch) {
  std::string touch = track.helper->last_touch();
  if (!touch.empty()) touch.erase(0, 1);
  track.helper->abandon();
  const Collector& collector = *track.steps[track.next].collector;
  bool known = std::find(track.hung.begin(), track.hung.end(), touch) != track.hung.end();
  retry_behind_touch = retry_behind_touch && !known && track.restarts < kMostRestarts;

  ArtifactRow row;
  row.path = touch.starts_with("/proc/") || touch.starts_with("/sys/")
                 ? raw_path(track.steps[track.next].reading, touch.substr(1))
                 : fmt::format("raw/{}{}", collector.name, track.restarts ? fmt::format(".{}", track.restarts) : "");
  row.source = touch.empty() ? std::string(collector.source) : touch;
  row.status = status;
  row.reason = reason;
  row.at_ms = since_start_ms();
  if (status == Status::kTimeout) row.fix = "look at what it hangs on: cat /proc/PID/stack of a reader";
  deliver(track, row, "", Redact::kNothing);

  if (retry_behind_touch) {
    track.hung.push_back(touch);
    ++track.restarts;
  } else {
    flush_bundles(track, Status::kPartial, fmt::format("{} at {}", reason, touch));
    end_step(track,
             status == Status::kTimeout ? RunnerListener::Progress::kTimedOut : RunnerListener::Progress::kCrashed);
  }
  if (!track.ended() && !track.deadline.passed()) launch(track);
}

bool Runner::idle() const {
  return std::all_of(tracks_.begin(), tracks_.end(), [](const auto& track) { return track->ended(); });
}

bool Runner::fast_part_ended() const {
  return std::all_of(tracks_.begin(), tracks_.end(), [](const auto& track) {
    return std::all_of(track->steps.begin() + static_cast<ptrdiff_t>(track->next), track->steps.end(),
                       [](const Step& step) { return step.collector->slow; });
  });
}

void Runner::stop(std::string_view reason) {
  for (auto& track : tracks_) {
    while (!track->ended()) {
      if (track->helper) track->helper->abandon();
      ArtifactRow row;
      const Collector& collector = *track->steps[track->next].collector;
      row.path = fmt::format("raw/{}", collector.name);
      row.source = collector.source;
      row.status = Status::kTimeout;
      row.reason = reason;
      row.at_ms = since_start_ms();
      flush_bundles(*track, Status::kPartial, row.reason);
      deliver(*track, row, "", Redact::kNothing);
      end_step(*track, RunnerListener::Progress::kTimedOut);
    }
  }
}

void parse_all(const RawStore& store, Snapshot& snapshot) {
  // What changes fastest, threads and stacks, is read first and parsed last: a blocked call refers to descriptors and
  // sockets
  // ("recvfrom(fd 31 = TCP to 10.0.0.9:5432)").
  constexpr int kThreads = 1;
  for (bool threads : {false, true})
    for (const Collector& collector : collector_table())
      if (collector.parse && (collector.volatility == kThreads) == threads) collector.parse(store, snapshot);
}

}  // namespace ec
