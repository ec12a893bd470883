// What a person gave to reach an endpoint that he named by its URL. It goes to those only, never to a listener that was
// found by itself: that may be anybody.
#pragma once

#include <string>
#include <vector>

namespace ec {

struct HttpHeader {
  std::string name;
  std::string value;  // a secret: never stored, never in an error
};

struct HttpAccess {
  std::vector<HttpHeader> headers;
  std::string bearer_from;          // "file /run/token", "environment TOKEN"; "" = no bearer token among the headers
  std::string ca_file;              // PEM; the only authorities to trust, "" = those of the system
  bool verify_certificates = true;  // --insecure-skip-verify
};

}  // namespace ec
