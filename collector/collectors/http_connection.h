// A byte stream to an HTTP server, plain or TLS, over TCP or a unix socket. Each call has a deadline that holds
// whatever the server does: nothing here can sleep for longer.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "collector/base/clock.h"
#include "collector/base/error.h"
#include "collector/base/unique_fd.h"
#include "collector/collectors/http_access.h"

namespace ec {

struct HttpAddress {
  bool tls = false;
  std::string host;  // name or numeric address, IPv6 without brackets; "" for a unix socket
  uint16_t port = 0;
  std::string unix_path;      // absolute; "@name" is the abstract name space
  std::string unix_root;      // folder that unix_path is below, e.g. "/proc/42/root"; "" = ours
  std::string authorization;  // value of the header, "" = none; a secret
  HttpAccess access;

  std::string name() const;  // "127.0.0.1:6060", "[::1]:6060", "unix:/run/app.sock"
  std::string host_header() const;
};

// Looks up the name of the host once, so that a resolver that hangs can be told from a server that does. Its answer, or
// that there is none, is what connecting will find again.
void resolve_once(const HttpAddress& address);

class HttpConnection {
 public:
  // Looks the name up, connects and, for https, shakes hands and verifies the certificate (address.access.ca_file,
  // else the system's store, or SSL_CERT_FILE and SSL_CERT_DIR) unless that is switched off. A look-up of a name that
  // is not numeric is the only step that has no deadline of ours. Errors: that of connect(2) in its words, timeout,
  // malformed (what TLS says), denied (certificate).
  static Result<std::unique_ptr<HttpConnection>> open(const HttpAddress& address, Deadline deadline);
  virtual ~HttpConnection() = default;

  // Up to `size` bytes; 0 at the end. Errors: timeout, io.
  virtual Result<size_t> read(char* bytes, size_t size, Deadline deadline) = 0;
  virtual Result<void> write(std::string_view bytes, Deadline deadline) = 0;
  int fd() const { return fd_.get(); }

 protected:
  explicit HttpConnection(UniqueFd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}
  // Waits for `events` of poll(2).
  Result<void> wait(short events, Deadline deadline, std::string_view what) const;

  UniqueFd fd_;
  std::string name_;
};

}  // namespace ec
