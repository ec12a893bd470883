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
  std::string path;   // that was asked: "/internal/debug/vars"; "" = none was
  std::string base;   // "/internal/debug/pprof/": what the paths of kind->requests stand behind
  HttpAnswer answer;  // to the probe
};

struct ProbedEndpoint {
  HttpAddress address;
  std::vector<RecognisedKind> kinds;
  EndpointRecord record;
  std::string prefix;  // of the URL, what the usual paths stand behind
};

// GET that follows redirects to the same server, twice at most. A redirect to elsewhere is an answer like any other.
// `path` becomes the last one asked. The others as for http_get.
Result<HttpAnswer> get_with_redirects(const HttpAddress& address, std::string& path, const HttpLimits& limits,
                                      const BodyCheck& check = {}, std::string_view media_type = {});

// Limits of a probe, none longer than until `until`. `patient`: seconds for the first byte, else less than one.
HttpLimits probe_limits(bool patient, Deadline until);

// "500 Could not enable CPU profiling: cpu profiling already in use": status and the first line of a text body, else
// the reason phrase; printable.
std::string status_words(const HttpAnswer& answer);

// Of an answer that is packed though it was asked not to be.
std::string encoding_words(const HttpAnswer& answer);

// Kinds are looked for at their usual paths. `light`: only those that tell figures for the first page.
ProbedEndpoint probe_endpoint(const HttpAddress& address, bool light, bool patient, Deadline until);
// The same below the path of the URL, which may also be the page of a kind itself.
ProbedEndpoint probe_url(const EndpointUrl& url, bool light, Deadline until);

}  // namespace ec
