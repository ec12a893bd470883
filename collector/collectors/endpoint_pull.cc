#include "collector/collectors/endpoint_pull.h"

#include <algorithm>
#include <array>
#include <random>
#include <thread>

#include "collector/base/text.h"
#include "collector/collectors/endpoint_gops.h"
#include "collector/collectors/endpoint_health.h"
#include "collector/collectors/endpoint_singles.h"

namespace ec {

namespace {

constexpr double kWorthChecking = 100;           // ms; after shorter pulls its health is not asked …
constexpr milliseconds kCheckEvery{1000};        // … unless the last time is so long ago
constexpr milliseconds kShortestInterval{2000};  // between two readings of counters
constexpr int kBusyAttempts = 3;
constexpr int kDefaultTimed = 5;  // seconds of what --pull asks for when --profile-seconds is 0
constexpr std::array<std::string_view, 3> kBusy{"cpu profiling already in use", "tracing is already enabled",
                                                "Another profiler is running"};
constexpr std::string_view kTooLong = "profile duration exceeds server's WriteTimeout";

bool says_busy(std::string_view words) {
  return std::any_of(kBusy.begin(), kBusy.end(),
                     [&](std::string_view phrase) { return words.find(phrase) != std::string_view::npos; });
}

// Half a second to a whole one more each time, never in step with somebody who does the same.
milliseconds busy_wait(int attempt) {
  static std::minstd_rand random(static_cast<unsigned>(Clock::now().time_since_epoch().count()));
  return milliseconds((500 + static_cast<int>(random() % 500)) * (attempt + 1));
}

// A name of the target as part of an artifact path.
std::string file_stem(std::string_view name) {
  std::string stem;
  for (char c : name) {
    bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    stem += plain ? c : '_';
  }
  return stem;
}

class Pull {
 public:
  Pull(GatherContext& ctx, ProbedEndpoint& probed, Deadline until)
      : ctx_(ctx), probed_(probed), until_(until), health_(probed) {}

  void all() {
    // A kind that is only seen costs no question about its health.
    bool watched = !gops_ && asks_something();
    for (const RecognisedKind& one : probed_.kinds) store_probe(one);
    if (watched) health_.before(until_);
    checked_ = Clock::now();
    for (const RecognisedKind& one : probed_.kinds) kind(one);
    if (busy_) wait_for_profiler();
    for (const RecognisedKind& one : probed_.kinds) at_end(one);
    if (watched && !gone_) health_.after(until_);
    settle_cpu_outcome();
  }

 private:
  struct Outcome {
    std::string status, reason;
    bool busy = false, too_long = false;
  };
  struct Asked {
    const RecognisedKind* one;
    const EndpointRequest* request;
  };

  std::string url(const std::string& path) const {
    return gops_ ? fmt::format("gops://{}{}", probed_.address.name(), path) : url_of(probed_.address, path);
  }
  std::string artifact_path(std::string_view file) const { return fmt::format("{}/{}", probed_.record.folder, file); }

  bool asks_something() const {
    return std::any_of(probed_.kinds.begin(), probed_.kinds.end(),
                       [](const RecognisedKind& one) { return !one.kind->requests.empty(); });
  }

  void store_probe(const RecognisedKind& one) {
    if (one.kind->probe_file.empty() || one.path.empty()) return;
    std::string path = artifact_path(one.kind->probe_file), source = "GET " + url(one.path);
    ctx_.out.touch(source);
    store(std::string(one.kind->probe_file), one.path, path, one.kind->probe_type, one.answer);
    note_metrics(one.kind->probe_file, one.answer);
  }

  bool is_pulled(const EndpointRequest& request) const {
    const auto& words = ctx_.options.pull;
    return std::find(words.begin(), words.end(), request.pull) != words.end();
  }

  bool wanted(const RecognisedKind& one, const EndpointRequest& request, const std::vector<ListedProfile>& listed) {
    std::string_view name = request.path.substr(0, request.path.find('?'));
    bool is_listed =
        std::any_of(listed.begin(), listed.end(), [&](const auto& profile) { return profile.name == name; });
    const auto& go = probed_.record.go;
    switch (request.when) {
      case When::kAlways:
        return true;
      case When::kListed:
        return is_listed;
      case When::kTimed:
        return ctx_.options.profile_seconds > 0;
      case When::kNoRuntimeFigures:
        return !go || go->sys_bytes == 0;
      case When::kFewGoroutines:
        if (is_pulled(request)) return true;
        return go && go->goroutines > 0 && go->goroutines <= kFewGoroutines;
      case When::kPulled:
        return is_pulled(request) && (!one.kind->list || is_listed);
      case When::kAgain:
        return probed_.record.cpu_profile && probed_.record.cpu_profile->told() && (name.empty() || is_listed);
      case When::kAtEnd:
        return false;
    }
    return false;
  }

  void kind(const RecognisedKind& one) {
    std::vector<ListedProfile> listed;
    if (one.kind->list) listed = one.kind->list(one.answer.body);
    bool others_done = !one.kind->pulls_others;
    for (const EndpointRequest& request : one.kind->requests) {
      if (request.cpu && !probed_.record.cpu_profile)
        probed_.record.cpu_profile = CpuOutcome{"not-asked", not_asked_words(request), 0};
      if (!wanted(one, request, listed)) continue;
      if (request.when != When::kListed && !others_done) {
        custom_profiles(one, listed);
        others_done = true;
      }
      if (request.path.find("{}") != std::string_view::npos)
        timed({&one, &request}, seconds_of(request), !request.cpu);
      else
        pull(one, request, std::string(request.path));
    }
    if (!others_done) custom_profiles(one, listed);
  }

  std::string not_asked_words(const EndpointRequest& request) const {
    if (!request.pull.empty()) return fmt::format("it can end the program: only with --pull {}", request.pull);
    return ctx_.options.profile_seconds > 0 ? "" : "--profile-seconds 0";
  }

  int seconds_of(const EndpointRequest& request) const {
    int seconds = ctx_.options.profile_seconds;
    return std::min(seconds > 0 ? seconds : kDefaultTimed, request.most_seconds);
  }

  void custom_profiles(const RecognisedKind& one, const std::vector<ListedProfile>& listed) {
    for (const ListedProfile& profile : listed) {
      auto same = [&](const auto& row) { return row.name == profile.name; };
      if (std::any_of(one.kind->requests.begin(), one.kind->requests.end(), same)) continue;
      auto never = std::find_if(one.kind->never.begin(), one.kind->never.end(), same);
      if (never != one.kind->never.end()) continue;
      std::string file = file_stem(profile.name) + ".pb.gz";
      EndpointRequest request{
          .name = profile.name, .path = profile.path, .file = file, .type = BodyType::kPprof, .cost = Tier::kT2};
      pull(one, request, profile.path);
    }
  }

  // What is read twice, so that it becomes a rate.
  void at_end(const RecognisedKind& one) {
    for (const EndpointRequest& request : one.kind->requests) {
      if (request.when != When::kAtEnd || first_metrics_ == Clock::time_point{}) continue;
      milliseconds left = std::chrono::duration_cast<milliseconds>(first_metrics_ + kShortestInterval - Clock::now());
      if (left.count() > until_.remaining_ms() - 1000) continue;
      ctx_.out.touch("a second reading of the metrics");
      if (left.count() > 0) std::this_thread::sleep_for(left);
      pull(one, request, std::string(request.path));
      return;
    }
  }

  void note_metrics(std::string_view file, const HttpAnswer& answer) {
    if (file == "metrics.txt") first_metrics_ = answer.at;
    if (file == "metrics-again.txt" && first_metrics_ != Clock::time_point{})
      probed_.record.metrics_interval_seconds = std::chrono::duration<double>(answer.at - first_metrics_).count();
  }

  // Go refuses a profile that is longer than the server may write: half of it, and half again. `last_chance`: a busy
  // profiler is not waited for.
  Outcome timed(Asked asked, int seconds, bool last_chance, const std::string& remark = {}) {
    const EndpointRequest& request = *asked.request;
    int wanted = seconds;
    seconds = std::min(seconds, std::max(0, (until_.remaining_ms() - 1500) / 1000));
    std::string why = remark;
    if (seconds < wanted && why.empty()) why = fmt::format("{} s, because no more time is left", seconds);
    for (int attempt = 0;; ++attempt) {
      if (seconds < 1) {
        skip(request, asked.one->base + std::string(request.path), "no time is left for a CPU profile");
        return {"skipped", "no time is left for a CPU profile"};
      }
      EndpointRequest limited = request;
      limited.total = milliseconds(seconds * 1500 + 5000);
      bool last = attempt == 2 || seconds == 1;
      ProfileTurn* turn = request.cpu ? ctx_.profile_turn : nullptr;
      if (turn) turn->pulling();
      Outcome outcome =
          pull(*asked.one, limited, fmt::format(fmt::runtime(request.path), seconds), why, !last, !last_chance);
      if (outcome.busy && !last_chance) busy_ = asked;
      const bool another = (outcome.busy && !last_chance) || (outcome.too_long && !last);
      if (turn && !another) outcome.status == "ok" ? turn->given() : turn->refused();
      if (request.cpu) note_cpu(outcome, seconds);
      if (!outcome.too_long || last) return outcome;
      why = fmt::format("{} s instead of {} s: {}", std::max(1, seconds / 2), wanted, outcome.reason);
      seconds = std::max(1, seconds / 2);
    }
  }

  // Somebody else profiles: that ends some time. Meanwhile everything else was pulled.
  void wait_for_profiler() {
    int seconds = seconds_of(*busy_->request);
    for (int attempt = 0; attempt < kBusyAttempts; ++attempt) {
      milliseconds wait = busy_wait(attempt);
      bool last = attempt + 1 == kBusyAttempts || wait.count() + 3000 > until_.remaining_ms();
      if (wait.count() + 2500 <= until_.remaining_ms() && probed_.record.stopped.empty()) {
        ctx_.out.touch("the end of another profile");
        std::this_thread::sleep_for(wait);
      }
      int now = std::max(1, seconds >> attempt);
      std::string remark =
          now < seconds ? fmt::format("{} s instead of {} s: another profiler was running", now, seconds) : "";
      Outcome outcome = timed(*busy_, now, last, remark);
      if (!outcome.busy || last) return;
    }
  }

  void note_cpu(const Outcome& outcome, int seconds) {
    CpuOutcome& cpu = probed_.record.cpu_profile.emplace();
    cpu.outcome = outcome.busy ? "busy" : outcome.too_long ? "refused" : outcome.status;
    cpu.reason = outcome.reason;
    if (cpu.told()) cpu.seconds = seconds;
  }

  // Pulling stopped before its turn came.
  void settle_cpu_outcome() {
    auto& cpu = probed_.record.cpu_profile;
    if (cpu && cpu->outcome == "not-asked" && cpu->reason.empty())
      *cpu = {"skipped", probed_.record.stopped.empty() ? "no time was left" : probed_.record.stopped, 0};
  }

  Result<HttpAnswer> fetch(const EndpointRequest& request, const std::string& path, const std::string& artifact) {
    HttpLimits limits{milliseconds(2000), request.total, milliseconds(5000), request.total, request.body_bytes};
    limits.total = std::min(limits.total, milliseconds(until_.remaining_ms()));
    limits.first_byte = std::min(limits.first_byte, limits.total);
    if (gops_) return ask_gops(probed_.address, request.path, limits);
    return http_get(
        probed_.address, path, limits,
        [&](std::string_view first) { return check_first_bytes(request.type, artifact, first); }, request.accept);
  }

  // One request and its artifact. `shorter_follows`, `busy_follows`: another attempt comes after a refusal of this
  // kind, so it is not stored as the outcome.
  Outcome pull(const RecognisedKind& one, const EndpointRequest& request, const std::string& tail,
               const std::string& remark = {}, bool shorter_follows = false, bool busy_follows = false) {
    std::string path = gops_ ? "/" + std::string(request.name) : one.base + tail;
    std::string artifact = artifact_path(request.file);
    if (std::string why = stop_reason(); !why.empty()) {
      skip(request, path, why);
      return {"skipped", why};
    }
    ctx_.out.touch("GET " + url(path));
    auto answer = fetch(request, path, artifact);
    if (!answer) {
      Outcome outcome = fail_artifact(request, path, artifact, answer.error(), 0);
      if (answer.error().code == ErrorCode::kTimeout && !gops_) check_health();
      return outcome;
    }
    if (answer->status != 200) return refused(request, path, artifact, *answer, shorter_follows, busy_follows);
    Outcome outcome = store(std::string(request.name), path, artifact, request.type, *answer, remark);
    note_metrics(request.file, *answer);
    if (request.singles && outcome.status == "ok") singles(request, path, answer->body);
    if (gops_) {
      if (!probed_.record.go) probed_.record.go.emplace();
      if (request.name == "stats" || request.name == "memstats") add_gops_figures(answer->body, *probed_.record.go);
    } else if (answer->took_ms > kWorthChecking || Clock::now() - checked_ > kCheckEvery) {
      check_health();
    }
    return outcome;
  }

  void singles(const EndpointRequest& request, const std::string& path, const std::string& body) {
    SingleValues values(request.singles(body));
    const HttpLimits limits = SingleValues::limits();
    size_t asked = 0;
    for (const std::string* one = values.next(); one && stop_reason().empty(); one = values.next(), ++asked) {
      std::string where = fmt::format("{}/{}", path, *one);
      ctx_.out.touch("GET " + url(where));
      values.take(*one, http_get(probed_.address, where, limits));
    }
    if (asked > 0) store("metric-values", path, artifact_path(request.singles_file), request.type, values.together());
  }

  Outcome refused(const EndpointRequest& request, const std::string& path, const std::string& artifact,
                  const HttpAnswer& answer, bool shorter_follows, bool busy_follows) {
    Outcome outcome{"failed", status_words(answer)};
    outcome.busy = says_busy(outcome.reason);
    outcome.too_long = outcome.reason.find(kTooLong) != std::string::npos;
    if ((outcome.busy && busy_follows) || (outcome.too_long && shorter_follows)) return outcome;
    if (request.may_be_absent && (answer.status == 404 || answer.status == 405 || answer.status == 501)) return outcome;
    ErrorCode code = outcome.busy || outcome.too_long               ? ErrorCode::kSkipped
                     : answer.status == 404                         ? ErrorCode::kNotFound
                     : answer.status == 401 || answer.status == 403 ? ErrorCode::kDenied
                                                                    : ErrorCode::kIo;
    outcome.status = fail_artifact(request, path, artifact, Error{code, "", outcome.reason, 0}, answer.took_ms).status;
    return outcome;
  }

  Outcome store(const std::string& name, const std::string& path, const std::string& artifact, BodyType type,
                const HttpAnswer& answer, const std::string& remark = {}) {
    std::string source = "GET " + url(path);
    auto checked = check_body(type, artifact, answer.body);
    std::optional<Error> problem = answer.broken;
    if (!problem && !checked) problem = checked.error();
    Redact redact = redaction_of(type);
    Outcome outcome{"ok", remark};
    if (problem && !answer.content_encoding.empty()) problem->detail = encoding_words(answer);
    if (problem) outcome = {answer.body.empty() ? "failed" : "partial", problem->message()};
    bool too_large = redact == Redact::kPprof && !checked && checked.error().code == ErrorCode::kUnsupported;
    if (answer.broken && too_large) outcome.reason += "; " + checked.error().detail;
    if (too_large) outcome.reason += "; redaction leaves out what it cannot read, --no-redact keeps it";
    if (outcome.status == "failed")
      ctx_.out.failed(artifact, source, *problem);
    else if (problem)
      ctx_.out.partial(artifact, source, answer.body, outcome.reason, redact);
    else
      ctx_.out.artifact(artifact, source, answer.body, redact);
    note(name, artifact, path, outcome, answer.body.size(), answer.took_ms);
    return outcome;
  }

  Outcome fail_artifact(const EndpointRequest& request, const std::string& path, const std::string& artifact,
                        const Error& error, double took_ms) {
    Outcome outcome{error.code == ErrorCode::kTimeout   ? "timeout"
                    : error.code == ErrorCode::kSkipped ? "skipped"
                                                        : "failed",
                    error.message()};
    ctx_.out.failed(artifact, "GET " + url(path), error);
    note(std::string(request.name), artifact, path, outcome, 0, took_ms);
    return outcome;
  }

  void skip(const EndpointRequest& request, const std::string& path, const std::string& why) {
    fail_artifact(request, path, artifact_path(request.file), Error{ErrorCode::kSkipped, "", why, 0}, 0);
  }

  void note(const std::string& name, const std::string& artifact, const std::string& path, const Outcome& outcome,
            size_t bytes, double took_ms) {
    probed_.record.artifacts.push_back({name, artifact, url(path), outcome.status, outcome.reason, bytes, took_ms});
    // A risky touch flushes: from here on the artifact survives our being killed. The plain one ends the watch for
    // hangs.
    ctx_.out.touch("the next request", true);
    ctx_.out.touch("the next request");
  }

  // Why no request may be made now, "" = it may.
  std::string stop_reason() {
    if (!probed_.record.stopped.empty()) return probed_.record.stopped;
    if (until_.remaining_ms() < 200) return "no time is left";
    if (ctx_.target && !gone_) {
      if (auto how = changed(*ctx_.target)) {
        gone_ = true;
        probed_.record.stopped = "the target is gone: " + *how;
      }
    }
    return probed_.record.stopped;
  }

  void check_health() {
    if (gone_) return;
    ctx_.out.touch("GET for the health of " + probed_.record.url);
    health_.between(until_);
    checked_ = Clock::now();
  }

  GatherContext& ctx_;
  ProbedEndpoint& probed_;
  Deadline until_;
  HealthWatch health_;
  const bool gops_ = probed_.kinds.front().kind->transport == Transport::kGops;
  bool gone_ = false;
  std::optional<Asked> busy_;  // a CPU profile that another profiler was in the way of
  Clock::time_point checked_, first_metrics_{};
};

}  // namespace

void pull_endpoint(GatherContext& ctx, ProbedEndpoint& probed, Deadline until) { Pull(ctx, probed, until).all(); }

}  // namespace ec
