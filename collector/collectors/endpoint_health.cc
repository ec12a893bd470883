#include "collector/collectors/endpoint_health.h"

#include <algorithm>
#include <array>

namespace ec {

namespace {

constexpr double kSlowFactor = 5, kSlowMs = 500;  // both: the server has become slow
constexpr std::array<std::string_view, 6> kUsualPaths{"/healthz", "/readyz", "/livez",
                                                      "/health",  "/ready",  "/-/healthy"};

// An endpoint that is not there, wants a password or is a page for people tells nothing.
bool tells_health(int status, std::string_view content_type) {
  return (status == 200 || status == 204 || status >= 500) && !content_type.starts_with("text/html");
}

}  // namespace

HealthWatch::HealthWatch(ProbedEndpoint& probed) : probed_(probed) {
  const RecognisedKind& kind = probed.kinds.front();
  page_ = kind.path.empty() ? kind.base : kind.path;
  probed_.record.health_before_ms = probed_.record.health_worst_ms = probed_.record.probe_ms;
}

HealthWatch::Seen HealthWatch::ask(const std::string& path, Deadline until) const {
  HttpLimits limits = probe_limits(true, until);
  limits.body_bytes = size_t{1} << 20;
  auto started = Clock::now();
  auto answer = http_get(probed_.address, path, limits);
  Seen seen;
  seen.ms = std::chrono::duration<double, std::milli>(Clock::now() - started).count();
  if (!answer) {
    seen.problem = answer.error().message();
  } else {
    seen.status = answer->status;
    seen.body = std::move(answer->body);
    seen.content_type = answer->content_type;
  }
  return seen;
}

void HealthWatch::before(Deadline until) {
  std::vector<std::string> candidates;
  for (const RecognisedKind& one : probed_.kinds)
    if (!one.kind->health.empty()) candidates.push_back(probed_.prefix + std::string(one.kind->health));
  if (candidates.empty())
    for (std::string_view path : kUsualPaths) candidates.emplace_back(path);
  std::vector<std::string> bodies;
  for (const std::string& path : candidates) {
    if (until.remaining_ms() < 1000) break;
    Seen seen = ask(path, until);
    if (seen.status == 0) break;  // no answer where one was a moment ago: not asked five times over
    if (!tells_health(seen.status, seen.content_type)) continue;
    probed_.record.health.push_back({path, seen.status, 0, seen.ms, seen.ms, 0, 1});
    bodies.push_back(std::move(seen.body));
  }
  // Whoever answers all of them alike answers everything like that.
  bool alike = bodies.size() == kUsualPaths.size() &&
               std::all_of(bodies.begin(), bodies.end(), [&](const auto& body) { return body == bodies.front(); });
  if (alike) probed_.record.health.clear();
  // One that is well can become unwell: that one is watched.
  std::stable_partition(probed_.record.health.begin(), probed_.record.health.end(),
                        [](const EndpointHealth& one) { return one.status_before < 500; });
}

EndpointHealth* HealthWatch::watched() {
  auto& all = probed_.record.health;
  return all.empty() || all.front().status_before >= 500 ? nullptr : &all.front();
}

std::string HealthWatch::problem(const std::string& path, const Seen& now, int status_before, double before_ms) const {
  std::string name = path == page_ ? "a cheap GET" : path;
  if (now.ms > kSlowMs && now.ms > kSlowFactor * before_ms)
    return fmt::format("{} takes {:.0f} ms now, {:.0f} ms before: pulling stopped", name, now.ms, before_ms);
  if (now.status == 0) return fmt::format("{} fails now ({}): pulling stopped", name, now.problem);
  if (now.status >= 500 && status_before != 0 && status_before < 500)
    return fmt::format("{} answers {} now, {} before: pulling stopped", name, now.status, status_before);
  return {};
}

void HealthWatch::between(Deadline until) {
  EndpointRecord& record = probed_.record;
  EndpointHealth* health = watched();
  std::string path = health ? health->path : page_;
  int status_before = health ? health->status_before : 200;
  double before_ms = health ? health->before_ms : record.health_before_ms;
  // One slow answer may be chance: a second one is not.
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (!record.stopped.empty() || until.remaining_ms() < 200) return;
    Seen now = ask(path, until);
    record.health_after_ms = now.ms;
    record.health_worst_ms = std::max(record.health_worst_ms, now.ms);
    if (health) {
      ++health->asked;
      health->worst_ms = std::max(health->worst_ms, now.ms);
      health->after_ms = now.ms;
      health->status_after = now.status;
    }
    std::string why = problem(path, now, status_before, before_ms);
    if (why.empty()) return;
    if (attempt == 1) record.stopped = why;
  }
}

void HealthWatch::after(Deadline until) {
  between(until);
  for (EndpointHealth& path : probed_.record.health) {
    if (&path == watched() || !probed_.record.stopped.empty() || until.remaining_ms() < 1000) continue;
    Seen now = ask(path.path, until);
    ++path.asked;
    path.worst_ms = std::max(path.worst_ms, now.ms);
    path.after_ms = now.ms;
    path.status_after = now.status;
  }
}

}  // namespace ec
