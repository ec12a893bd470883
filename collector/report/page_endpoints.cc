// Debug endpoints on the first page: what each gave; what it did not give, by reason; how quick it was meanwhile.
#include <map>

#include "collector/analysis/words.h"
#include "collector/base/text.h"
#include "collector/report/page_content.h"
#include "collector/report/text_layout.h"

namespace ec {

namespace {

constexpr size_t kMostNames = 16;

// Things that share one reason, in order of the first of each.
class ByReason {
 public:
  void add(const std::string& reason, std::string thing) {
    for (auto& [known, things] : groups_)
      if (known == reason) return things.push_back(std::move(thing));
    groups_.push_back({reason, {std::move(thing)}});
  }
  const std::vector<std::pair<std::string, std::vector<std::string>>>& groups() const { return groups_; }

 private:
  std::vector<std::pair<std::string, std::vector<std::string>>> groups_;
};

// An error names its place first: "127.0.0.1:8080/debug/pprof/: no answer within 700 ms", "profiles/…/heap.pb.gz: …",
// which stands beside it already.
std::string_view without_place(std::string_view reason, std::string_view place) {
  if (size_t scheme = place.find("://"); scheme != std::string_view::npos) place.remove_prefix(scheme + 3);
  if (place.empty() || !reason.starts_with(place)) return reason;
  size_t colon = reason.find(": ", place.size());
  bool same_word = colon != std::string_view::npos &&
                   reason.substr(place.size(), colon - place.size()).find(' ') == std::string_view::npos;
  return same_word ? reason.substr(colon + 2) : reason;
}

std::string reason_of(const PulledProfile& profile, const Endpoint& endpoint) {
  return plain_line(without_place(without_place(profile.reason, profile.artifact), endpoint.url), 160);
}

void add_profiles(const Endpoint& endpoint, std::vector<std::string>& lines) {
  std::vector<std::string> whole;
  ByReason partial, missing;
  for (const PulledProfile& profile : endpoint.profiles) {
    std::string name = plain_line(profile.name, 60), reason = reason_of(profile, endpoint);
    if (profile.status == "ok") whole.push_back(reason.empty() ? name : fmt::format("{} ({})", name, reason));
    if (profile.status == "partial") partial.add(reason, name);
    if (profile.status != "ok" && profile.status != "partial")
      missing.add(reason.empty() ? plain_line(profile.status, 20) : reason, name);
  }
  lines.push_back(
      fmt::format("{}: {}", plain_line(endpoint.url, 120), whole.empty() ? "nothing" : enumerate(whole, kMostNames)));
  for (const auto& [reason, names] : partial.groups())
    lines.push_back(fmt::format("in part: {}: {}", enumerate(names, kMostNames), reason));
  for (const auto& [reason, names] : missing.groups())
    lines.push_back(fmt::format("not got: {}: {}", enumerate(names, kMostNames), reason));
}

std::string ms(double value) {
  return value < 9.95 ? fmt::format("{:.1f} ms", value) : fmt::format("{:.0f} ms", value);
}

// Where there is no path that tells whether it is well; those that are there are key figures.
void add_cheap_get(const EndpointHealth& health, std::vector<std::string>& lines) {
  if (!health.path.empty() || health.asked < 2) return;
  lines.push_back(fmt::format("a cheap GET took {} before the pulls, {} at worst, {} after", ms(health.before_ms),
                              ms(health.worst_ms), ms(health.after_ms)));
}

// Of an actuator they are few, and chosen.
void add_figures(const Endpoint& endpoint, std::vector<std::string>& lines) {
  std::string text;
  for (const auto& [name, value] : endpoint.variables)
    text += fmt::format("{}{} {}", text.empty() ? "" : "; ", name, value);
  if (!text.empty()) lines.push_back("it counts: " + plain_line(text, 1200));
}

// "" where nothing needs to be said.
std::string why_nothing(const Endpoint& endpoint) {
  std::string error = plain_line(without_place(endpoint.error, endpoint.url), 200);
  if (error.empty() && endpoint.kind == "http")
    error = fmt::format(
        "answers with status {}, but has no debug endpoint at the usual paths  → --endpoint URL/PREFIX for another one",
        endpoint.http_status);
  if (error.empty()) return plain_line(endpoint.note, 200);
  return error;
}

}  // namespace

std::vector<std::string> endpoint_lines(const std::vector<Endpoint>& endpoints) {
  std::vector<std::string> lines;
  ByReason silent;
  std::map<std::string, std::string> hints;  // by reason, the first of each
  for (const Endpoint& endpoint : endpoints) {
    std::string note = plain_line(endpoint.note, 400);
    if (endpoint.profiles.empty()) {
      std::string why = why_nothing(endpoint);
      if (why.empty()) continue;
      silent.add(why, plain_line(endpoint.url, 120));
      if (!endpoint.error.empty() && !note.empty()) hints.emplace(why, "  → " + note);
      continue;
    }
    add_profiles(endpoint, lines);
    if (endpoint.kind == "actuator") add_figures(endpoint, lines);
    if (!endpoint.error.empty()) lines.push_back(plain_line(endpoint.error, 200));
    if (!note.empty()) lines.push_back(note);
    if (endpoint.cpu_profile == "busy")
      lines.emplace_back("no CPU profile from the program: another profiler ran in it all the time");
    for (const EndpointHealth& health : endpoint.health) add_cheap_get(health, lines);
  }
  for (const auto& [why, urls] : silent.groups())
    lines.push_back(fmt::format("{}: {}{}", enumerate(urls, 4), why, hints[why]));
  return lines;
}

}  // namespace ec
