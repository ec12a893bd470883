#include "collector/collectors/endpoint_kinds.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "collector/base/text.h"
#include "collector/profile/goroutines.h"
#include "collector/profile/gzip.h"
#include "collector/profile/memstats.h"
#include "collector/profile/pprof.h"

namespace ec {

namespace {

constexpr size_t kMostListed = 64;
constexpr size_t kLongestName = 80;
constexpr size_t kIndexBytes = size_t{1} << 20;
constexpr size_t kVarsBytes = size_t{8} << 20;
constexpr size_t kCommandLineBytes = size_t{1} << 20;

bool is_pprof_index(const HttpAnswer& answer) {
  return answer.status == 200 &&
         (answer.body.find("href='goroutine?debug=1'") != std::string::npos ||  // Go 1.11 and later
          answer.body.find("href=\"goroutine?debug=1\"") != std::string::npos);
}

bool is_expvar(const HttpAnswer& answer) {
  // The package always publishes both; a body cut by the limit of a probe still begins with the former in most
  // programs.
  return answer.status == 200 && answer.body.find("\"memstats\"") != std::string::npos &&
         trim(answer.body).starts_with('{');
}

bool looks_like_go(const HttpAnswer& answer) {
  return answer.from_go_pprof || is_pprof_index(answer) ||
         (answer.status == 404 && answer.body == "404 page not found\n");
}

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

}  // namespace

const std::vector<EndpointKind>& endpoint_kinds() {
  using enum BodyType;
  constexpr auto kT2 = Tier::kT2;
  static const std::vector<EndpointKind> kKinds{
      {.name = "go-pprof",  // net/http/pprof: https://pkg.go.dev/net/http/pprof
       .probe = "/debug/pprof/",
       .probe_file = "index.html",
       .probe_type = kHtml,
       .probe_bytes = kIndexBytes,
       .recognise = is_pprof_index,
       .worth_asking = nullptr,
       .list = parse_pprof_index,
       .requests = {{"goroutine", "goroutine", "goroutine.pb.gz", kPprof, kT2, When::kListed},
                    {"heap", "heap", "heap.pb.gz", kPprof, kT2, When::kListed},
                    {"allocs", "allocs", "allocs.pb.gz", kPprof, kT2, When::kListed},
                    {"mutex", "mutex", "mutex.pb.gz", kPprof, kT2, When::kListed},
                    {"block", "block", "block.pb.gz", kPprof, kT2, When::kListed},
                    {"threadcreate", "threadcreate", "threadcreate.pb.gz", kPprof, kT2, When::kListed},
                    {"cmdline", "cmdline", "cmdline", kCommandLine, kT2, When::kAlways, milliseconds(3000),
                     kCommandLineBytes},
                    {"memstats", "heap?debug=1", "heap.txt", kHeapText, kT2, When::kNoRuntimeFigures},
                    {"profile", "profile?seconds={}", "profile.pb.gz", kPprof, kT2, When::kCpuProfile},
                    {"goroutine-text", "goroutine?debug=1", "goroutine.txt", kGoroutineText, kT2, When::kListed}},
       .never = {{"trace", "an execution trace slows every goroutine"},
                 {"symbol", "addresses are named offline"},
                 {"goroutineleak", "it runs a garbage collection"},
                 {"profile", "asked with --profile-seconds"},
                 {"cmdline", "asked once"}}},
      {.name = "expvar",  // https://pkg.go.dev/expvar
       .probe = "/debug/vars",
       .probe_file = "vars.json",
       .probe_type = kJson,
       .probe_bytes = kVarsBytes,
       .recognise = is_expvar,
       .worth_asking = looks_like_go,
       .list = nullptr,
       .requests = {},
       .never = {}},
  };
  return kKinds;
}

const EndpointKind* endpoint_kind(std::string_view name) {
  for (const EndpointKind& kind : endpoint_kinds())
    if (kind.name == name) return &kind;
  return nullptr;
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

Result<void> check_body(BodyType type, std::string_view where, std::string_view body) {
  auto done = [](const auto& result) -> Result<void> {
    if (!result) return tl::unexpected(result.error());
    return {};
  };
  switch (type) {
    case BodyType::kPprof:
      return check_pprof(where, body);
    case BodyType::kGoroutineText:
      return done(parse_goroutine_text(where, body));
    case BodyType::kHeapText:
      return done(parse_memstats_comments(where, body));
    case BodyType::kJson:
      if (!nlohmann::json::accept(body)) return fail(ErrorCode::kMalformed, std::string(where), "expected a JSON text");
      return {};
    case BodyType::kText:
    case BodyType::kCommandLine:
    case BodyType::kHtml:
      return {};
  }
  return {};
}

std::optional<Error> check_first_bytes(BodyType type, std::string_view where, std::string_view first_bytes) {
  auto wrong = [&](std::string_view expected) {
    return Error{ErrorCode::kMalformed, std::string(where),
                 fmt::format("expected {}, got '{}'", expected, printable_line(first_bytes.substr(0, 40))), 0};
  };
  auto begin = trim(first_bytes);
  switch (type) {
    case BodyType::kPprof:
      if (!looks_gzipped(first_bytes)) return wrong("a gzipped profile");
      break;
    case BodyType::kGoroutineText:
      if (!begin.starts_with("goroutine prof")) return wrong("a goroutine profile");
      break;
    case BodyType::kHeapText:
      if (!begin.starts_with("heap profile:")) return wrong("a heap profile");
      break;
    case BodyType::kJson:
      if (!begin.starts_with('{') && !begin.starts_with('[')) return wrong("JSON");
      break;
    default:
      break;
  }
  return std::nullopt;
}

Redact redaction_of(BodyType type) {
  switch (type) {
    case BodyType::kPprof:
      return Redact::kPprof;
    case BodyType::kJson:
      return Redact::kJson;
    case BodyType::kCommandLine:
      return Redact::kCommandLine;
    default:
      return Redact::kText;
  }
}

}  // namespace ec
