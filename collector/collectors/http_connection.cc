#include "collector/collectors/http_connection.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "collector/base/open_below.h"
#include "collector/base/stream_socket.h"

namespace ec {

namespace {

class PlainConnection : public HttpConnection {
 public:
  using HttpConnection::HttpConnection;
  PlainConnection(UniqueFd fd, std::string name) : HttpConnection(std::move(fd), std::move(name)) {}

  Result<size_t> read(char* bytes, size_t size, Deadline deadline) override {
    return receive_some(fd_.get(), bytes, size, name_, deadline);
  }
  Result<void> write(std::string_view bytes, Deadline deadline) override {
    return send_all(fd_.get(), bytes, name_, deadline);
  }
};

std::string tls_words() {
  unsigned long code = ERR_get_error();
  if (code == 0) return "the connection ended";
  char text[256];
  ERR_error_string_n(code, text, sizeof text);
  const char* reason = ERR_reason_error_string(code);
  return reason ? reason : text;
}

class TlsConnection : public HttpConnection {
 public:
  TlsConnection(UniqueFd fd, std::string name) : HttpConnection(std::move(fd), std::move(name)) {}
  ~TlsConnection() override {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }

  Result<void> shake_hands(const HttpAddress& address, Deadline deadline) {
    const std::string& host = address.host;
    context_ = SSL_CTX_new(TLS_client_method());
    if (!context_) return fail(ErrorCode::kIo, name_, "TLS: " + tls_words());
    SSL_CTX_set_min_proto_version(context_, TLS1_2_VERSION);
    const HttpAccess& access = address.access;
    if (access.ca_file.empty())
      SSL_CTX_set_default_verify_paths(context_);
    else if (SSL_CTX_load_verify_file(context_, access.ca_file.c_str()) != 1)
      return fail(ErrorCode::kMalformed, access.ca_file, "expected a certificate in PEM form: " + tls_words());
    SSL_CTX_set_verify(context_, access.verify_certificates ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    ssl_ = SSL_new(context_);
    if (!ssl_) return fail(ErrorCode::kIo, name_, "TLS: " + tls_words());
    SSL_set_mode(ssl_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    X509_VERIFY_PARAM* wanted = SSL_get0_param(ssl_);
    if (X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str()) != 1) {
      X509_VERIFY_PARAM_set1_host(wanted, host.c_str(), host.size());
      SSL_set_tlsext_host_name(ssl_, host.c_str());
    }
    SSL_set_fd(ssl_, fd_.get());
    auto done = drive([&] { return SSL_connect(ssl_); }, deadline, "the TLS handshake");
    if (!done) {
      long verdict = SSL_get_verify_result(ssl_);
      if (verdict != X509_V_OK && access.verify_certificates)
        return fail(ErrorCode::kDenied, name_,
                    fmt::format("certificate verify failed: {}", X509_verify_cert_error_string(verdict)));
      return tl::unexpected(done.error());
    }
    return {};
  }

  Result<size_t> read(char* bytes, size_t size, Deadline deadline) override {
    auto got = drive([&] { return SSL_read(ssl_, bytes, static_cast<int>(std::min<size_t>(size, 1 << 20))); }, deadline,
                     "an answer");
    if (!got) return tl::unexpected(got.error());
    return static_cast<size_t>(*got);
  }

  Result<void> write(std::string_view bytes, Deadline deadline) override {
    while (!bytes.empty()) {
      auto sent = drive([&] { return SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())); }, deadline,
                        "room to write");
      if (!sent) return tl::unexpected(sent.error());
      if (*sent == 0) return fail(ErrorCode::kIo, name_, "closed while the request was written");
      bytes.remove_prefix(static_cast<size_t>(*sent));
    }
    return {};
  }

 private:
  // Repeats a non-blocking OpenSSL call until it succeeded. 0: the server closed the connection in order.
  template <class Call>
  Result<int> drive(Call call, Deadline deadline, std::string_view what) {
    while (true) {
      ERR_clear_error();
      errno = 0;
      int outcome = call();
      if (outcome > 0) return outcome;
      int system_error = errno;
      short events = 0;
      switch (SSL_get_error(ssl_, outcome)) {
        case SSL_ERROR_WANT_READ:
          events = POLLIN;
          break;
        case SSL_ERROR_WANT_WRITE:
          events = POLLOUT;
          break;
        case SSL_ERROR_ZERO_RETURN:
          return 0;
        case SSL_ERROR_SYSCALL:
          if (system_error != 0) return fail_errno(name_, system_error, "TLS");
          return fail(ErrorCode::kMalformed, name_, "TLS: " + tls_words());
        default:
          return fail(ErrorCode::kMalformed, name_, "TLS: " + tls_words());
      }
      if (auto ready = wait(events, deadline, what); !ready) return tl::unexpected(ready.error());
    }
  }

  SSL_CTX* context_ = nullptr;
  SSL* ssl_ = nullptr;
};

Result<UniqueFd> connect_unix(const HttpAddress& address, Deadline deadline) {
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail_errno(address.name(), errno, "socket");
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  UniqueFd file;
  std::string path = address.unix_path;
  bool abstract = path.starts_with('@');
  if (!abstract) {
    // Through an open descriptor the length of the path does not matter (sun_path holds 108 bytes).
    auto opened = open_below(address.unix_root, address.unix_path, O_PATH);
    if (!opened) return tl::unexpected(opened.error());
    file = std::move(*opened);
    path = fmt::format("/proc/self/fd/{}", file.get());
  }
  if (path.size() >= sizeof to.sun_path)
    return fail(ErrorCode::kUnsupported, address.name(), "name longer than 107 bytes");
  std::memcpy(to.sun_path, path.data(), path.size());
  if (abstract) to.sun_path[0] = '\0';
  auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (abstract ? 0 : 1));
  auto connected = connect_within(fd.get(), reinterpret_cast<sockaddr*>(&to), length, address.name(), deadline);
  if (!connected) return tl::unexpected(connected.error());
  return fd;
}

Result<UniqueFd> connect_tcp(const HttpAddress& address, Deadline deadline) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  int problem = getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
  if (problem != 0) {
    if (problem == EAI_SYSTEM) return fail_errno(address.name(), errno, "look-up");
    return fail(ErrorCode::kNotFound, address.name(), fmt::format("look-up: {}", gai_strerror(problem)));
  }
  std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
  Error last{ErrorCode::kNotFound, address.name(), "no address", 0};
  for (const addrinfo* one = found; one; one = one->ai_next) {
    UniqueFd fd(socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, one->ai_protocol));
    if (!fd) {
      last = sys_error(address.name(), errno, "socket");
      continue;
    }
    auto connected = connect_within(fd.get(), one->ai_addr, one->ai_addrlen, address.name(), deadline);
    if (connected) return fd;
    last = connected.error();
  }
  return tl::unexpected(last);
}

}  // namespace

std::string HttpAddress::name() const {
  if (!unix_path.empty()) return "unix:" + unix_path;
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

void resolve_once(const HttpAddress& address) {
  addrinfo* found = nullptr;
  if (!address.host.empty() && getaddrinfo(address.host.c_str(), nullptr, nullptr, &found) == 0) freeaddrinfo(found);
}

std::string HttpAddress::host_header() const { return unix_path.empty() ? name() : "localhost"; }

Result<void> HttpConnection::wait(short events, Deadline deadline, std::string_view what) const {
  return wait_for(fd_.get(), events, deadline, name_, what);
}

Result<std::unique_ptr<HttpConnection>> HttpConnection::open(const HttpAddress& address, Deadline deadline) {
  auto fd = address.unix_path.empty() ? connect_tcp(address, deadline) : connect_unix(address, deadline);
  if (!fd) return tl::unexpected(fd.error());
  if (!address.tls) return std::make_unique<PlainConnection>(std::move(*fd), address.name());
  auto connection = std::make_unique<TlsConnection>(std::move(*fd), address.name());
  if (auto done = connection->shake_hands(address, deadline); !done) return tl::unexpected(done.error());
  return connection;
}

}  // namespace ec
