// The kinds of debug endpoints, one row each: how it is recognised, what it is asked, what that costs, what is never
// touched. Adding a kind is adding a row.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collector/collectors/collector.h"
#include "collector/collectors/http_client.h"

namespace ec {

enum class BodyType { kPprof, kGoroutineText, kHeapText, kJson, kText, kCommandLine, kHtml };

enum class When {
  kAlways,
  kListed,            // the index page names it
  kCpuProfile,        // --profile-seconds > 0; "{}" in the path is the seconds
  kNoRuntimeFigures,  // nothing else gave heap and GC figures
};

constexpr size_t kProfileBytes = size_t{64} << 20;

struct EndpointRequest {
  std::string_view name;  // "heap": key in raw/endpoint.json
  std::string_view path;  // behind the base of the endpoint
  std::string_view file;  // in the folder of the endpoint
  BodyType type;
  Tier cost;
  When when = When::kAlways;
  milliseconds total{15'000};
  size_t body_bytes = kProfileBytes;
};

// A profile that an index page lists.
struct ListedProfile {
  std::string name;  // printable; checked to be a plain name
  std::string path;  // percent-encoded, behind the base
  uint64_t count = 0;
};

struct NeverTouched {
  std::string_view name, why;
};

struct EndpointKind {
  std::string_view name;   // "go-pprof"
  std::string_view probe;  // path of the one cheap GET that tells, behind a prefix
  // The answer to `probe` is stored as this file, so it is never asked twice.
  std::string_view probe_file;
  BodyType probe_type;
  size_t probe_bytes;
  bool (*recognise)(const HttpAnswer&);  // of the answer to `probe`
  // Whether the answer to the probe of the first kind makes another GET worthwhile. The first kind is always asked.
  bool (*worth_asking)(const HttpAnswer& first);
  std::vector<ListedProfile> (*list)(std::string_view body);  // profiles of the probe's page; null = none
  std::vector<EndpointRequest> requests;  // in this order; profiles that only the list has follow the last kListed
  std::vector<NeverTouched> never;        // names that are not pulled even when listed
};

const std::vector<EndpointKind>& endpoint_kinds();
const EndpointKind* endpoint_kind(std::string_view name);  // null = unknown

// Rows of the index page of net/http/pprof. At most 64; names that are not plain are left out.
std::vector<ListedProfile> parse_pprof_index(std::string_view html);

// Nothing when the body is what the type says, whole; else why not. Pure.
Result<void> check_body(BodyType type, std::string_view where, std::string_view body);
// Early, from the first bytes: refuses a page of HTML where a profile is expected, before it is read to the end.
std::optional<Error> check_first_bytes(BodyType type, std::string_view where, std::string_view first_bytes);
Redact redaction_of(BodyType type);  // never kNothing: bodies are the target's words

}  // namespace ec
