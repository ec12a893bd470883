#include "collector/collectors/endpoint_discovery.h"

#include <catch2/catch.hpp>

#include "collector/collectors/endpoint_url.h"
#include "collector/collectors/known_services.h"
#include "collector/proc/net_tcp.h"

using namespace ec;

namespace {

// Lines as in /proc/net/tcp and tcp6 of a little-endian machine.
NamespaceListeners listeners(const std::vector<std::pair<std::string, uint64_t>>& addresses) {
  std::string text =
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
  for (const auto& [address, inode] : addresses) {
    std::string remote(address.find(':'), '0');
    text += fmt::format(
        "   0: {} {}:0000 0A 00000000:00000000 00:00000000 00000000     0        0 {} 1 0000000000000000 100 0 0 10 "
        "0\n",
        address, remote, inode);
  }
  NamespaceListeners all;
  auto parsed = parse_net_tcp("tcp", text, 100, [&](const InetSocket& socket) { all.tcp.push_back(socket); });
  REQUIRE(parsed.has_value());
  return all;
}

const std::string kAny6(32, '0');

std::vector<std::string> names(const std::vector<EndpointListener>& found) {
  std::vector<std::string> out;
  for (const auto& one : found) out.push_back(one.address.name() + (one.not_asked.empty() ? "" : " " + one.not_asked));
  return out;
}

}  // namespace

TEST_CASE("only the target's own listeners are candidates, the likeliest first") {
  auto all = listeners({{"0100007F:1F90", 1}, {"0100007F:17AC", 2}, {"0100007F:2328", 3}, {"0A01A8C0:270F", 4}});
  CHECK(names(likely_endpoints(all, {1, 2, 4}, "server", "")) ==
        std::vector<std::string>{"127.0.0.1:6060", "127.0.0.1:8080", "192.168.1.10:9999"});
}

TEST_CASE("a wildcard listener is reached through loopback, unless somebody else is bound there") {
  CHECK(names(likely_endpoints(listeners({{"00000000:17AC", 1}}), {1}, "s", "")) ==
        std::vector<std::string>{"127.0.0.1:6060"});
  CHECK(names(likely_endpoints(listeners({{kAny6 + ":17AC", 1}}), {1}, "s", "")) ==
        std::vector<std::string>{"127.0.0.1:6060"});
  CHECK(names(likely_endpoints(listeners({{kAny6 + ":17AC", 1}, {"0100007F:17AC", 9}}), {1}, "s", "")) ==
        std::vector<std::string>{"[::1]:6060"});
  CHECK(names(likely_endpoints(listeners({{kAny6 + ":17AC", 1}, {"00000000:17AC", 9}}), {1}, "s", "")) ==
        std::vector<std::string>{"[::1]:6060"});
  // Two listeners of one service with SO_REUSEPORT.
  CHECK(names(likely_endpoints(listeners({{"00000000:17AC", 1}, {"00000000:17AC", 2}}), {1, 2}, "s", "")).size() == 1);
}

TEST_CASE("known services are left alone, by port and by name") {
  auto all = listeners({{"0100007F:18EB", 1}, {"0100007F:17AC", 2}});
  CHECK(names(likely_endpoints(all, {1, 2}, "app", "")) ==
        std::vector<std::string>{"127.0.0.1:6060", "127.0.0.1:6379 known service, not queried (Redis)"});
  for (const auto& name : names(likely_endpoints(all, {1, 2}, "postgres", "")))
    CHECK(name.ends_with("known service, not queried (PostgreSQL)"));
  CHECK(known_service(6060).empty());
  CHECK(known_product("emergency").empty());
  CHECK(known_product("dnsmasq") == "dnsmasq");
  CHECK(known_product("php-fpm8.2") == "FastCGI");
  CHECK(likely_endpoints(all, {1, 2}, "app", "")[1].note.starts_with("ask Redis itself: redis-cli -p 6379 "));
  CHECK(likely_endpoints(all, {1, 2}, "app", "")[0].note.empty());
}

TEST_CASE("each service that is left alone has its own question") {
  CHECK(question_for("PostgreSQL", 5433).starts_with("psql -p 5433 -xc \"SELECT pid, state, wait_event_type"));
  CHECK(question_for("PostgreSQL", 0).starts_with("psql -xc \"SELECT"));
  CHECK(question_for("memcached", 11211) == "memcached-tool localhost:11211 stats");
  CHECK(question_for("MongoDB", 27017).find("{$gte: 1}") != std::string::npos);
  CHECK(question_for("SSH", 22).empty());
}

TEST_CASE("unix listeners keep their path and its root") {
  NamespaceListeners all;
  all.unix_streams = {{7, "/run/app.sock"}, {8, "@abstract"}, {9, "relative.sock"}, {10, "/run/other.sock"}};
  auto found = likely_endpoints(all, {7, 8, 9}, "app", "/proc/42/root");
  CHECK(names(found) == std::vector<std::string>{"unix:/run/app.sock", "unix:@abstract",
                                                 "unix:relative.sock bound to a relative path"});
  CHECK(found[0].address.unix_root == "/proc/42/root");
}

TEST_CASE("endpoint URLs") {
  struct Row {
    std::string url, text, host, path;
    int port;
  };
  for (const Row& row :
       std::vector<Row>{{"http://localhost", "http://localhost:80", "localhost", "", 80},
                        {"https://db.example/admin/", "https://db.example:443/admin/", "db.example", "/admin/", 443},
                        {"http://[::1]:6060/x", "http://[::1]:6060/x", "::1", "/x", 6060},
                        {"http://me:p%40ss@h:1", "http://h:1", "h", "", 1},
                        {"http://me:p@ss@h:1/", "http://h:1/", "h", "/", 1}}) {
    INFO(row.url);
    auto url = parse_endpoint_url(row.url);
    REQUIRE(url.has_value());
    CHECK(url->text() == row.text);
    CHECK(url->address.host == row.host);
    CHECK(url->address.port == row.port);
    CHECK(url->path == row.path);
  }
  CHECK(parse_endpoint_url("http://me:p%40ss@h:1")->address.authorization == "Basic " + base64("me:p@ss"));
  CHECK(parse_endpoint_url("unix:/run/a.sock:/debug")->text() == "unix:/run/a.sock:/debug");
  CHECK(parse_endpoint_url("unix:/run/a.sock")->address.unix_path == "/run/a.sock");
  CHECK(parse_endpoint_url("unix:@name")->address.unix_path == "@name");
}

TEST_CASE("endpoint URLs that are none say what was expected and keep the password out") {
  for (const char* url : {"ftp://h", "localhost:6060", "http://", "http://:80", "http://h:0", "http://h:99999",
                          "http://h:x", "http://[::1", "http://[::1]x", "unix:relative", "unix:", "http://h/a b",
                          "http://h/a?b=c", "http://u:secret@:1/"}) {
    INFO(url);
    auto parsed = parse_endpoint_url(url);
    REQUIRE(!parsed.has_value());
    CHECK(parsed.error().code == ErrorCode::kUsage);
    CHECK(parsed.error().message().find("secret") == std::string::npos);
  }
}

TEST_CASE("folder names hold nothing but plain characters") {
  CHECK(folder_name(parse_endpoint_url("http://127.0.0.1:6060")->address) == "127.0.0.1_6060");
  CHECK(folder_name(parse_endpoint_url("http://[::1]:6060")->address) == "__1_6060");
  CHECK(folder_name(parse_endpoint_url("unix:/run/../a.sock")->address) == "unix_run_.._a.sock");
  HttpAddress hostile;
  hostile.unix_path = "/" + std::string(300, '/') + "..";
  CHECK(folder_name(hostile).size() <= 100);
}

TEST_CASE("base64") {
  CHECK(base64("") == "");
  CHECK(base64("a") == "YQ==");
  CHECK(base64("ab") == "YWI=");
  CHECK(base64("abc") == "YWJj");
  CHECK(base64("\xff\xfe\xfd") == "//79");
}
