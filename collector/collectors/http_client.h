// One GET to a server that may do anything: hang in any place, drip, never end, lie about its length. cpp-httplib
// speaks HTTP; the bytes pass through a stream of ours that keeps the deadlines and limits, because httplib has none
// for a header that never ends.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "collector/collectors/http_connection.h"

namespace ec {

struct HttpLimits {
  milliseconds connect{300};
  milliseconds first_byte{700};  // from the request to the first byte of the answer
  milliseconds idle{2000};       // between two bytes
  milliseconds total{5000};      // connect to last byte
  size_t body_bytes = size_t{1} << 20;
};
constexpr size_t kHttpHeaderLimit = 64 * 1024;

struct HttpAnswer {
  int status = 0;
  std::string reason;  // of the status line: "Not Found"
  std::string server, content_type, location;
  std::string content_encoding;  // "" = identity, as it was asked for
  bool from_go_pprof = false;    // header X-Go-Pprof
  std::string body;              // what came, also when `broken`
  std::optional<Error> broken;   // why the body is not whole
  double first_byte_ms = 0, took_ms = 0;
  Clock::time_point at{};  // when the first byte came
};

// `path` starts with '/', is sent as it is. Redirects are not followed. `check`, when given, sees the first bytes of a
// body with status 200 and ends the request when it returns an error, which becomes `broken`. `media_type`: what to ask
// for in Accept, "" = anything. Errors: no whole header came: that of HttpConnection::open, timeout, malformed (not
// HTTP; header over kHttpHeaderLimit).
using BodyCheck = std::function<std::optional<Error>(std::string_view first_bytes)>;
Result<HttpAnswer> http_get(const HttpAddress& address, const std::string& path, const HttpLimits& limits,
                            const BodyCheck& check = {}, std::string_view media_type = {});

}  // namespace ec
