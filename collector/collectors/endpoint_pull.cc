#include "collector/collectors/endpoint_pull.h"

#include <algorithm>

#include "collector/base/text.h"

namespace ec {

namespace {

constexpr double kSlowFactor = 5, kSlowMs = 500;  // both: the server has become slow
constexpr double kWorthChecking = 100;            // ms; after shorter pulls its health is not asked
constexpr std::string_view kBusy = "cpu profiling already in use";
constexpr std::string_view kTooLong = "profile duration exceeds server's WriteTimeout";

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
  Pull(GatherContext& ctx, ProbedEndpoint& probed, Deadline until) : ctx_(ctx), probed_(probed), until_(until) {}

  void all() {
    probed_.record.health_before_ms = probed_.record.probe_ms;
    for (const RecognisedKind& one : probed_.kinds) store_probe(one);
    for (const RecognisedKind& one : probed_.kinds) kind(one);
    if (retry_) cpu_profile(*retry_base_, *retry_, true);
    if (!gone_ && probed_.record.stopped.empty()) check_health();
  }

 private:
  struct Outcome {
    std::string status, reason;
    bool busy = false, too_long = false;
  };

  std::string url(const std::string& path) const { return url_of(probed_.address, path); }
  std::string artifact_path(std::string_view file) const { return fmt::format("{}/{}", probed_.record.folder, file); }

  void store_probe(const RecognisedKind& one) {
    std::string path = artifact_path(one.kind->probe_file), source = "GET " + url(one.base);
    ctx_.out.touch(source);
    store(std::string(one.kind->probe_file), one.base, path, one.kind->probe_type, one.answer);
  }

  void kind(const RecognisedKind& one) {
    std::vector<ListedProfile> listed;
    if (one.kind->list) listed = one.kind->list(one.answer.body);
    auto is_listed = [&](std::string_view name) {
      return std::any_of(listed.begin(), listed.end(), [&](const auto& profile) { return profile.name == name; });
    };
    bool extra_done = false;
    for (const EndpointRequest& request : one.kind->requests) {
      std::string_view name = request.path.substr(0, request.path.find('?'));
      if (request.when == When::kListed && !is_listed(name)) continue;
      if (request.when == When::kNoRuntimeFigures && probed_.record.go && probed_.record.go->sys_bytes > 0) continue;
      if (request.when == When::kCpuProfile && ctx_.options.profile_seconds <= 0) continue;
      if (request.when != When::kListed && !extra_done) {
        custom_profiles(one, listed);
        extra_done = true;
      }
      if (request.when == When::kCpuProfile)
        cpu_profile(one.base, request, false);
      else
        pull(one.base, request, std::string(request.path));
    }
    if (!extra_done) custom_profiles(one, listed);
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
      pull(one.base, request, profile.path);
    }
  }

  // Go refuses a profile that is longer than the server may write: half of it, and half again.
  void cpu_profile(const std::string& base, const EndpointRequest& request, bool again) {
    int seconds = std::min(ctx_.options.profile_seconds, std::max(0, (until_.remaining_ms() - 1500) / 1000));
    std::string why;
    if (seconds < ctx_.options.profile_seconds) why = fmt::format("{} s, because no more time is left", seconds);
    for (int attempt = 0;; ++attempt) {
      if (seconds < 1) return skip(request, base + std::string(request.path), "no time is left for a CPU profile");
      EndpointRequest timed = request;
      timed.total = milliseconds(seconds * 1500 + 5000);
      bool last = attempt == 2 || seconds == 1;
      if (ctx_.profile_turn) ctx_.profile_turn->pulling();
      Outcome outcome = pull(base, timed, fmt::format(fmt::runtime(request.path), seconds), why, !last, !again);
      if (ctx_.profile_turn) outcome.status == "ok" ? ctx_.profile_turn->given() : ctx_.profile_turn->refused();
      if (outcome.busy && !again) {
        retry_ = &request;
        retry_base_ = &base;
      }
      if (!outcome.too_long || last) return;
      why = fmt::format("{} s instead of {} s: {}", std::max(1, seconds / 2), ctx_.options.profile_seconds,
                        outcome.reason);
      seconds = std::max(1, seconds / 2);
    }
  }

  // One request and its artifact. `shorter_follows`, `busy_follows`: another attempt comes after a refusal of this
  // kind, so it is not stored as the outcome.
  Outcome pull(const std::string& base, const EndpointRequest& request, const std::string& tail,
               const std::string& remark = {}, bool shorter_follows = false, bool busy_follows = false) {
    std::string path = base + tail, artifact = artifact_path(request.file);
    if (std::string why = stop_reason(); !why.empty()) {
      skip(request, path, why);
      return {"skipped", why};
    }
    ctx_.out.touch("GET " + url(path));
    HttpLimits limits{milliseconds(2000), request.total, milliseconds(5000), request.total, request.body_bytes};
    limits.total = std::min(limits.total, milliseconds(until_.remaining_ms()));
    limits.first_byte = std::min(limits.first_byte, limits.total);
    auto answer = http_get(probed_.address, path, limits,
                           [&](std::string_view first) { return check_first_bytes(request.type, artifact, first); });
    if (!answer) {
      Outcome outcome = fail_artifact(request, path, artifact, answer.error(), 0);
      if (answer.error().code == ErrorCode::kTimeout) check_health();
      return outcome;
    }
    if (answer->status != 200) {
      Outcome outcome{"failed", status_words(*answer)};
      outcome.busy = outcome.reason.find(kBusy) != std::string::npos;
      outcome.too_long = outcome.reason.find(kTooLong) != std::string::npos;
      if ((outcome.busy && busy_follows) || (outcome.too_long && shorter_follows)) return outcome;
      ErrorCode code = outcome.busy || outcome.too_long                 ? ErrorCode::kSkipped
                       : answer->status == 404                          ? ErrorCode::kNotFound
                       : answer->status == 401 || answer->status == 403 ? ErrorCode::kDenied
                                                                        : ErrorCode::kIo;
      outcome.status =
          fail_artifact(request, path, artifact, Error{code, "", outcome.reason, 0}, answer->took_ms).status;
      return outcome;
    }
    Outcome outcome = store(std::string(request.name), path, artifact, request.type, *answer, remark);
    if (answer->took_ms > kWorthChecking) check_health();
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

  // Times the page that the probe timed, and stops pulling when it has become slow.
  void check_health() {
    if (!probed_.record.stopped.empty() || until_.remaining_ms() < 200) return;
    ctx_.out.touch("GET " + url(probed_.kinds.front().base));
    HttpLimits limits = probe_limits(true, until_);
    limits.body_bytes = probed_.kinds.front().kind->probe_bytes;
    auto started = Clock::now();
    auto answer = http_get(probed_.address, probed_.kinds.front().base, limits);
    EndpointRecord& record = probed_.record;
    record.health_after_ms = std::chrono::duration<double, std::milli>(Clock::now() - started).count();
    bool slow = record.health_after_ms > kSlowMs && record.health_after_ms > kSlowFactor * record.health_before_ms;
    if (slow)
      record.stopped = fmt::format("a cheap GET takes {:.0f} ms now, {:.0f} ms before: pulling stopped",
                                   record.health_after_ms, record.health_before_ms);
    else if (!answer)
      record.stopped = fmt::format("a cheap GET fails now ({}): pulling stopped", answer.error().message());
  }

  GatherContext& ctx_;
  ProbedEndpoint& probed_;
  Deadline until_;
  bool gone_ = false;
  const EndpointRequest* retry_ = nullptr;
  const std::string* retry_base_ = nullptr;
};

}  // namespace

void pull_endpoint(GatherContext& ctx, ProbedEndpoint& probed, Deadline until) { Pull(ctx, probed, until).all(); }

}  // namespace ec
