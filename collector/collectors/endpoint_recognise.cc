#include "collector/collectors/endpoint_recognise.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "collector/base/text.h"
#include "collector/profile/metrics_text.h"

namespace ec {

namespace {

constexpr size_t kMostListed = 64;
constexpr size_t kLongestName = 80;
constexpr size_t kLooksAt = 64 * 1024;  // of a page of metrics

bool has(const HttpAnswer& answer, std::string_view text) { return answer.body.find(text) != std::string::npos; }

bool plain_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

// Profiles are often named after packages ("example.org/pool"), so '/' is allowed between names, never to climb with.
bool harmless_path(std::string_view path) {
  if (path.empty() || path.size() > kLongestName || path.front() == '/') return false;
  for (std::string_view part : split(path, '/'))
    if (part.empty() || part.front() == '.' || !std::all_of(part.begin(), part.end(), plain_name_character))
      return false;
  return true;
}

bool looks_like_go(const HttpAnswer& answer) {
  return answer.from_go_pprof || is_pprof_index(answer) ||
         (answer.status == 404 && answer.body == "404 page not found\n");
}

// Kinds whose first answer says who they are: nobody else need be asked for.
bool says_who_it_is(const HttpAnswer& first) {
  return worth_brpc(first) || worth_envoy(first) || worth_node_inspector(first);
}

bool refuses(const HttpAnswer& first) { return first.status == 401 || first.status == 403 || first.status == 404; }

}  // namespace

bool is_pprof_index(const HttpAnswer& answer) {
  return answer.status == 200 && (has(answer, "href='goroutine?debug=1'") ||  // Go 1.11 and later
                                  has(answer, "href=\"goroutine?debug=1\""));
}

bool is_expvar(const HttpAnswer& answer) {
  // The package always publishes both; a body cut by the limit of a probe still begins with the former in most
  // programs.
  return answer.status == 200 && has(answer, "\"memstats\"") && trim(answer.body).starts_with('{');
}

// Arguments, one per line (gperftools, docs/pprof_remote_servers.html). Nothing in them says what they are, so whoever
// answers everything must be told apart by worth_gperftools.
bool is_gperftools_command_line(const HttpAnswer& answer) {
  const std::string& type = answer.content_type;
  bool plain = type.empty() || type.starts_with("text/plain") || type.starts_with("application/octet-stream");
  std::string_view text = answer.body;
  bool printable = std::all_of(text.begin(), text.end(),
                               [](char c) { return c == '\n' || c == '\0' || static_cast<unsigned char>(c) >= ' '; });
  return answer.status == 200 && plain && printable && !trim(text).empty() && text.front() != '<' &&
         text.front() != '{' && text.front() != '[';
}

bool is_brpc_health(const HttpAnswer& answer) { return answer.status == 200; }

// docs/root/operations/admin: the state of the server, with 503 unless it is LIVE.
bool is_envoy_ready(const HttpAnswer& answer) {
  std::string_view state = trim(answer.body);
  constexpr std::array<std::string_view, 4> kStates{"LIVE", "DRAINING", "PRE_INITIALIZING", "INITIALIZING"};
  return (answer.status == 200 || answer.status == 503) &&
         std::find(kStates.begin(), kStates.end(), state) != kStates.end();
}

bool is_actuator(const HttpAnswer& answer) {
  return answer.status == 200 && has(answer, "\"_links\"") && !parse_actuator_links(answer.body).empty();
}

bool is_metrics(const HttpAnswer& answer) {
  if (answer.status != 200 || !looks_like_metrics(answer.body)) return false;
  std::string_view text = std::string_view(answer.body).substr(0, kLooksAt);
  if (size_t end = text.rfind('\n'); end != std::string_view::npos) text = text.substr(0, end + 1);
  auto outline = parse_metrics("", text, [](const MetricSample&) {});
  return outline && outline->samples > 0;
}

// {"Browser": "node.js/v18.19.0", "Protocol-Version": "1.1"}
bool is_node_inspector(const HttpAnswer& answer) {
  return answer.status == 200 && has(answer, "node.js/") && has(answer, "\"Protocol-Version\"");
}

bool worth_expvar(const HttpAnswer& first) { return looks_like_go(first); }

bool worth_gperftools(const HttpAnswer& first) {
  return first.status >= 400 && first.status < 500 && !looks_like_go(first) && !says_who_it_is(first) &&
         !has(first, "HTTPS server");
}

bool worth_brpc(const HttpAnswer& first) { return first.status == 404 && has(first, "Fail to find method on `"); }

bool worth_envoy(const HttpAnswer& first) { return first.status == 404 && has(first, "admin commands are:"); }

// Spring's error page in its forms: JSON for those who take anything, HTML, and Spring Security's refusal.
bool worth_actuator(const HttpAnswer& first) {
  if (!refuses(first) || looks_like_go(first) || says_who_it_is(first)) return false;
  return first.body.empty() || (has(first, "\"timestamp\"") && has(first, "\"status\"")) ||
         has(first, "Whitelabel Error Page") || has(first, "Apache Tomcat");
}

bool worth_metrics(const HttpAnswer& first) {
  return !says_who_it_is(first) && (first.status == 200 || refuses(first) || first.status == 405);
}

// src/inspector_socket.cc: to every path that it does not know.
bool worth_node_inspector(const HttpAnswer& first) {
  return first.status == 400 && has(first, "WebSockets request was expected");
}

std::vector<ListedProfile> parse_actuator_links(std::string_view text) {
  std::vector<ListedProfile> links;
  auto document = nlohmann::json::parse(text, nullptr, false);
  if (!document.is_object() || !document.contains("_links") || !document["_links"].is_object()) return links;
  for (const auto& [name, link] : document["_links"].items()) {
    if (links.size() == kMostListed) break;
    if (name == "self" || !harmless_path(name) || name.find('/') != std::string::npos || !link.is_object()) continue;
    auto templated = link.find("templated");
    if (templated != link.end() && templated->is_boolean() && templated->get<bool>()) continue;
    links.push_back({name, name, 0});
  }
  return links;
}

std::vector<ListedProfile> parse_pprof_index(std::string_view html) {
  std::vector<ListedProfile> profiles;
  // <tr><td>49</td><td><a href='goroutine?debug=1'>goroutine</a></td></tr>; before Go 1.13: <td align=right>49<td><a
  // href="…
  constexpr std::string_view kHref = "<a href=";
  uint64_t count = 0;
  size_t at = 0;
  while (profiles.size() < kMostListed && (at = html.find(kHref, at)) != std::string_view::npos) {
    auto before = html.substr(at - std::min<size_t>(at, 60), std::min<size_t>(at, 60));
    at += kHref.size();
    if (at >= html.size()) break;
    char quote = html[at++];
    size_t end = html.find(quote, at);
    if ((quote != '\'' && quote != '"') || end == std::string_view::npos) continue;
    auto href = html.substr(at, end - at);
    if (!href.ends_with("?debug=1")) continue;  // "goroutine?debug=2" stops the program
    href.remove_suffix(8);
    size_t digits_end = before.find_last_of("0123456789");
    size_t digits =
        digits_end == std::string_view::npos ? digits_end : before.find_last_not_of("0123456789", digits_end);
    if (digits_end != std::string_view::npos)
      count = parse_number<uint64_t>(before.substr(digits + 1, digits_end - digits)).value_or(0);
    bool twice = std::any_of(profiles.begin(), profiles.end(), [&](const auto& other) { return other.name == href; });
    if (harmless_path(href) && !twice) profiles.push_back({std::string(href), std::string(href), count});
  }
  return profiles;
}

}  // namespace ec
