// What a body must look like, and how secrets are taken from it.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "collector/base/text.h"
#include "collector/collectors/endpoint_kinds.h"
#include "collector/profile/goroutines.h"
#include "collector/profile/gzip.h"
#include "collector/profile/memstats.h"
#include "collector/profile/metrics_text.h"
#include "collector/profile/pprof.h"

namespace ec {

namespace {

// For a person: what is no text is only named.
std::string shown(std::string_view first_bytes) {
  std::string_view begin = first_bytes.substr(0, 40);
  if (looks_gzipped(begin)) return "gzip";
  bool text = std::all_of(begin.begin(), begin.end(), [](char c) {
    return static_cast<unsigned char>(c) >= ' ' || c == '\n' || c == '\r' || c == '\t';
  });
  return text ? fmt::format("'{}'", trim(printable_line(trim(begin)))) : "bytes that are no text";
}

}  // namespace

Result<void> check_body(BodyType type, std::string_view where, std::string_view body) {
  auto done = [](const auto& result) -> Result<void> {
    if (!result) return tl::unexpected(result.error());
    return {};
  };
  switch (type) {
    case BodyType::kPprof:
    case BodyType::kAnyPprof:
      return check_pprof(where, body);
    case BodyType::kMetrics:
      return done(parse_metrics(where, body, [](const MetricSample&) {}));
    case BodyType::kGoroutineText:
      return done(parse_goroutine_text(where, body));
    case BodyType::kHeapText:
      return done(parse_memstats_comments(where, body));
    case BodyType::kJson:
      if (!nlohmann::json::accept(body)) return fail(ErrorCode::kMalformed, std::string(where), "expected a JSON text");
      return {};
    case BodyType::kLegacyProfile:
    case BodyType::kTrace:
    case BodyType::kText:
    case BodyType::kCommandLine:
    case BodyType::kHtml:
      if (body.empty()) return fail(ErrorCode::kTruncated, std::string(where), "an empty answer");
      return {};
  }
  return {};
}

std::optional<Error> check_first_bytes(BodyType type, std::string_view where, std::string_view first_bytes) {
  auto wrong = [&](std::string_view expected) {
    return Error{ErrorCode::kMalformed, std::string(where),
                 fmt::format("expected {}, got {}", expected, shown(first_bytes)), 0};
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
    case BodyType::kTrace:
      if (!first_bytes.starts_with("go 1.")) return wrong("an execution trace");
      break;
    case BodyType::kAnyPprof:
    case BodyType::kLegacyProfile:
    case BodyType::kMetrics:
      if (begin.starts_with('<')) return wrong(type == BodyType::kMetrics ? "metrics" : "a profile");
      break;
    default:
      break;
  }
  return std::nullopt;
}

Redact redaction_of(BodyType type) {
  switch (type) {
    case BodyType::kPprof:
    case BodyType::kAnyPprof:
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
