// The kinds of debug endpoints, one row each: how it is recognised, what it is asked, what that costs, what is never
// touched. Adding a kind is adding a row.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collector/collectors/collector.h"
#include "collector/collectors/http_client.h"

namespace ec {

enum class BodyType {
  kPprof,     // gzipped profile.proto
  kAnyPprof,  // profile.proto, gzipped or not
  kLegacyProfile,
  kGoroutineText,
  kHeapText,
  kMetrics,  // Prometheus or OpenMetrics text
  kJson,
  kText,
  kCommandLine,
  kHtml,
  kTrace  // of Go's runtime/trace
};

enum class When {
  kAlways,
  kListed,            // the page of the probe names it
  kTimed,             // --profile-seconds > 0
  kNoRuntimeFigures,  // nothing else gave heap and GC figures
  kFewGoroutines,     // it stops the program for as long as it takes to write down each of them; else --pull
  kAgain,             // asked before, and a CPU profile since: what both tell is a rate
  kAtEnd,             // behind all others: the second reading of what becomes a rate
  kPulled,            // --pull names it
};

constexpr size_t kProfileBytes = size_t{64} << 20;
constexpr uint64_t kFewGoroutines = 250;

struct EndpointRequest {
  std::string_view name;  // "heap": key in raw/endpoint.json
  std::string_view path;  // behind the base of the endpoint; "{}" is the seconds
  std::string_view file;  // in the folder of the endpoint
  BodyType type;
  Tier cost;
  When when = When::kAlways;
  milliseconds total{15'000};
  size_t body_bytes = kProfileBytes;
  std::string_view pull{};     // word of --pull that asks for it
  std::string_view accept{};   // media type to ask for, "" = any
  int most_seconds = 600;      // of "{}"
  bool cpu = false;            // the CPU profile of this kind
  bool may_be_absent = false;  // 404 is no failure: a build or version may not have it
  // What its body makes worth asking: paths behind its own. The answers are one more artifact, named after its file.
  std::vector<std::string> (*singles)(std::string_view body) = nullptr;
  std::string_view singles_file{};
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

enum class Transport { kHttp, kGops };

struct EndpointKind {
  std::string_view name;       // "go-pprof"
  std::string_view probe;      // path of the one cheap GET that tells, behind a prefix
  std::string_view base = {};  // what the paths of requests stand behind, behind a prefix; "" = the probe
  // The answer to `probe` is stored as this file, so it is never asked twice. "" = it is not stored.
  std::string_view probe_file;
  BodyType probe_type;
  size_t probe_bytes;
  bool (*recognise)(const HttpAnswer&);  // of the answer to `probe`
  // Whether the answer to the probe of the first kind makes another GET worthwhile. The first kind is always asked.
  bool (*worth_asking)(const HttpAnswer& first);
  std::vector<ListedProfile> (*list)(std::string_view body) = nullptr;  // of the probe's page; null = none
  bool pulls_others = false;                // what is listed and in none of the requests is a profile, too
  std::vector<EndpointRequest> requests{};  // in this order; profiles that only the list has follow the last kListed
  std::vector<NeverTouched> never{};        // names that are not pulled even when listed
  std::string_view health = {};  // path that tells whether it is well, behind the prefix; "" = the usual ones
  std::string_view note = {};    // what a person should know who sees it
  std::string_view accept = {};  // media type that the probe asks for
  bool light = false;            // also asked when only figures for the first page are wanted
  bool by_url_only = false;      // no harmless request tells: taken for it when a URL names its probe
  Transport transport = Transport::kHttp;
};

const std::vector<EndpointKind>& endpoint_kinds();
const EndpointKind* endpoint_kind(std::string_view name);  // null = unknown
std::vector<std::string> pull_words();                     // of --pull, in the order of the table

// Nothing when the body is what the type says, whole; else why not. Pure.
Result<void> check_body(BodyType type, std::string_view where, std::string_view body);
// Early, from the first bytes: refuses a page of HTML where a profile is expected, before it is read to the end.
std::optional<Error> check_first_bytes(BodyType type, std::string_view where, std::string_view first_bytes);
Redact redaction_of(BodyType type);  // never kNothing: bodies are the target's words

}  // namespace ec
