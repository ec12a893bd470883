#include "collector/collectors/endpoint_url.h"

#include "collector/base/text.h"

namespace ec {

namespace {

tl::unexpected<Error> usage(std::string expected) { return fail(ErrorCode::kUsage, "--endpoint", std::move(expected)); }

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    auto code = text[i] == '%' && i + 2 < text.size() ? parse_number<uint8_t>(text.substr(i + 1, 2), 16) : std::nullopt;
    out += code ? static_cast<char>(*code) : text[i];
    if (code) i += 2;
  }
  return out;
}

bool harmless(std::string_view path) {
  for (char c : path)
    if (c <= ' ' || c == 0x7f || c == '?' || c == '#') return false;
  return true;
}

Result<EndpointUrl> unix_url(std::string_view rest) {
  EndpointUrl url;
  size_t prefix = rest.find(":/");
  if (prefix != std::string_view::npos) url.path = rest.substr(prefix + 1);
  url.address.unix_path = rest.substr(0, prefix);
  if (!rest.starts_with('/') && !rest.starts_with('@')) return usage("expected an absolute path after 'unix:'");
  return url;
}

}  // namespace

Result<EndpointUrl> parse_endpoint_url(std::string_view text) {
  Result<EndpointUrl> url = EndpointUrl{};
  if (text.starts_with("unix:")) {
    url = unix_url(text.substr(5));
    if (!url) return url;
  } else {
    HttpAddress& address = url->address;
    address.tls = text.starts_with("https://");
    if (!address.tls && !text.starts_with("http://"))
      return usage("expected auto, none, http://…, https://… or unix:/path");
    std::string_view rest = text.substr(address.tls ? 8 : 7);
    std::string_view authority = rest.substr(0, rest.find('/'));
    url->path = rest.substr(authority.size());
    if (size_t at = authority.rfind('@'); at != std::string_view::npos) {
      address.authorization = "Basic " + base64(percent_decoded(authority.substr(0, at)));
      authority.remove_prefix(at + 1);
    }
    std::string_view port;
    if (authority.starts_with('[')) {
      size_t end = authority.find(']');
      if (end == std::string_view::npos) return usage("expected ']' after the IPv6 address");
      address.host = authority.substr(1, end - 1);
      port = authority.substr(end + 1);
    } else {
      size_t colon = authority.find(':');
      address.host = authority.substr(0, colon);
      if (colon != std::string_view::npos) port = authority.substr(colon);
    }
    if (address.host.empty() || !harmless(address.host)) return usage("expected a host name or address");
    address.port = address.tls ? 443 : 80;
    if (!port.empty()) {
      auto number = port.starts_with(':') ? parse_number<uint16_t>(port.substr(1)) : std::nullopt;
      if (!number || *number == 0) return usage("expected a port from 1 to 65535");
      address.port = *number;
    }
  }
  if (!harmless(url->path)) return usage("expected a prefix without query, fragment, blanks and control characters");
  return url;
}

std::string url_of(const HttpAddress& address, std::string_view path) {
  if (!address.unix_path.empty()) return path.empty() ? address.name() : fmt::format("{}:{}", address.name(), path);
  return fmt::format("{}://{}{}", address.tls ? "https" : "http", address.name(), path);
}

std::string EndpointUrl::text() const { return url_of(address, path); }

std::string folder_name(const HttpAddress& address) {
  constexpr size_t kLongest = 100;
  std::string name =
      address.unix_path.empty() ? fmt::format("{}_{}", address.host, address.port) : "unix" + address.unix_path;
  for (char& c : name)
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-')) c = '_';
  if (name.size() > kLongest) name.erase(0, name.size() - kLongest);
  if (name.starts_with('.')) name[0] = '_';
  return name;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    size_t have = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j) group = group << 8 | (j < have ? static_cast<uint8_t>(bytes[i + j]) : 0u);
    for (size_t j = 0; j < 4; ++j) out += j <= have ? kDigits[group >> (18 - 6 * j) & 63] : '=';
  }
  return out;
}

}  // namespace ec
