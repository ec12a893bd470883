// Asks a place, with as few cheap GETs as possible, which kinds of debug endpoints it is.
#pragma once

#include <string>
#include <vector>

#include "collector/collectors/endpoint_kinds.h"
#include "collector/collectors/endpoint_record.h"
#include "collector/collectors/endpoint_url.h"

namespace ec {

struct RecognisedKind {
  const EndpointKind* kind = nullptr;
  std::string base;   // "/internal/debug/pprof/": where kind->requests are
  HttpAnswer answer;  // to the probe
};

struct ProbedEndpoint {
  HttpAddress address;
  std::vector<RecognisedKind> kinds;
  EndpointRecord record;
};

// GET that follows redirects to the same server, twice at most. A redirect to elsewhere is an answer like any other.
// `path` becomes the last one asked.
Result<HttpAnswer> get_with_redirects(const HttpAddress& address, std::string& path, const HttpLimits& limits,
                                      const BodyCheck& accept = {});

// Limits of a probe, none longer than until `until`.
HttpLimits probe_limits(bool explicit_url, Deadline until);

// "500 Could not enable CPU profiling: cpu profiling already in use": status and the first line of a text body, else
// the reason phrase; printable.
std::string status_words(const HttpAnswer& answer);

// Kinds are looked for at their usual paths below `prefix` ("" or "/internal"). `own_page` is a path that may be an
// index page itself, "" = none.
ProbedEndpoint probe_endpoint(const HttpAddress& address, const std::string& prefix, const std::string& own_page,
                              bool explicit_url, Deadline until);
ProbedEndpoint probe_url(const EndpointUrl& url, Deadline until);

}  // namespace ec
