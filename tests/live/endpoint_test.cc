// The debug endpoint collectors on real servers: Go's own, and one that fails in every way a server can.
#include "collector/collectors/endpoint.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>

#include "collector/profile/gzip.h"
#include "tests/live/endpoint_runs.h"
#include "tests/support/go_server.h"
#include "tests/support/place.h"
#include "tests/support/profile_bytes.h"
#include "tests/support/program.h"

using namespace ec;
using namespace ec::test;

namespace {

const std::string kHeapFile = std::string(EC_FIXTURES) + "/go-pprof/heap.pb.gz";

struct Faulty {
  explicit Faulty(const std::string& mode)
      : program({std::string(EC_TARGETS_DIR) + "/fault_http_server", mode, kHeapFile}) {
    std::string ready = program.wait_for_line("ready ");
    REQUIRE(!ready.empty());
    port = address_of(ready);
  }
  BackgroundProgram program;
  std::string port;
};

}  // namespace

TEST_CASE("a Go server is found by its socket and everything it offers is pulled") {
  BackgroundProgram server({go_server(), "-secret", "canary-5f1c9b-expvar"});
  std::string address = address_of(server.wait_for_line("ready "));
  Collected collected;
  collect_into(collected, server.pid(), with({"auto"}, 1), {"runtime", "endpoint"});

  const Endpoint& endpoint = collected.only();
  CHECK(endpoint.url == "http://" + address);
  CHECK(endpoint.kind == "go-pprof");
  CHECK(endpoint.error == "");
  for (const char* name : {"index.html", "vars.json", "goroutine", "heap", "allocs", "mutex", "block", "threadcreate",
                           "open_sessions", "cmdline", "profile", "goroutine-text"}) {
    INFO(name);
    CHECK(collected.status(name) == "ok");
  }
  CHECK(collected.status("trace") == "absent");
  REQUIRE(endpoint.go);
  CHECK(endpoint.go->goroutines >= 44);
  CHECK(endpoint.go->heap_alloc_bytes > 0);
  CHECK(endpoint.go->sys_bytes > endpoint.go->heap_alloc_bytes);
  REQUIRE(!endpoint.goroutine_groups.empty());
  CHECK(endpoint.goroutine_groups[0].count == 40);
  CHECK(endpoint.goroutine_groups[0].functions.back() == "main.waitForReply");
  CHECK(endpoint.goroutine_groups[0].state == "chan receive");
  CHECK(endpoint.variables.at("requests_total") == "1234");
  CHECK(endpoint.variables.at("queues.mail") == "17");

  // The first page has figures before the slow part: the light row came first.
  REQUIRE(!collected.order.empty());
  CHECK(collected.order.front() == "raw/runtime.json");
  CHECK(collected.order.back() == "raw/endpoint.json");
  for (const std::string& path : collected.store.list("")) {
    auto bytes = collected.store.read(path);
    if (bytes) CHECK(bytes->find("canary-5f1c9b-expvar") == std::string_view::npos);
  }
  // It was asked, never signalled.
  CHECK(kill(server.pid(), 0) == 0);
  CHECK(runs_freely(server.pid()));
}

TEST_CASE("secrets in the labels of profiles are not stored, and what is stored opens") {
  BackgroundProgram server({go_server(), "-label", "api_key=canary-3d7e-label"});
  std::string address = address_of(server.wait_for_line("ready "));
  Collected collected;
  collect_into(collected, server.pid(), with({"auto"}, 1), {"endpoint"});
  TempDir folder;
  int labelled = 0;
  for (const std::string& path : collected.store.list("")) {
    INFO(path);
    std::string bytes(collected.store.read(path).value_or(""));
    if (path.ends_with(".pb.gz")) {
      write_text(folder / "profile.pb.gz", bytes);
      auto raw = run_program({"go", "tool", "pprof", "-raw", folder / "profile.pb.gz"});
      INFO(raw.err);
      CHECK(raw.exit_code == 0);
      if (raw.out.find("api_key:[[redacted:secret:") != std::string::npos) ++labelled;
      bytes = gunzip(path, bytes, 1 << 26).value();
    }
    CHECK(bytes.find("canary-3d7e-label") == std::string::npos);
  }
  CHECK(labelled == 2);  // goroutine, profile
  std::replace(address.begin(), address.end(), ':', '_');
  auto text = collected.store.read("profiles/" + address + "/goroutine.txt");
  REQUIRE(text.has_value());
  CHECK(text->find("\"api_key\":\"[redacted:secret:") != std::string_view::npos);
}

TEST_CASE("the light row alone gives goroutines, heap and collections") {
  BackgroundProgram server({go_server()});
  server.wait_for_line("ready ");
  Collected collected;
  collect_into(collected, server.pid(), with({"auto"}), {"runtime"});
  REQUIRE(collected.only().go);
  CHECK(collected.only().go->goroutines >= 44);
  CHECK(collected.only().go->heap_inuse_bytes > 0);
  CHECK(collected.only().profiles.empty());
  CHECK(collected.order == std::vector<std::string>{"raw/runtime.json"});
}

TEST_CASE("a Go server below another path is found by its URL only") {
  BackgroundProgram server({go_server(), "-prefix", "/internal"});
  std::string url = "http://" + address_of(server.wait_for_line("ready "));
  for (const char* path : {"/internal", "/internal/", "/internal/debug/pprof", "/internal/debug/pprof/"}) {
    INFO(path);
    Collected collected;
    collect_into(collected, server.pid(), with({url + path}), {"endpoint"});
    CHECK(collected.only().kind == "go-pprof");
    CHECK(collected.status("heap") == "ok");
    CHECK(collected.status("vars.json") == "ok");
    CHECK(collected.only().url == url + "/internal");
  }
  Collected automatic;
  collect_into(automatic, server.pid(), with({"auto"}), {"endpoint"});
  CHECK(automatic.only().kind == "http");
  CHECK(automatic.only().http_status == 404);
}

TEST_CASE("a Go server on a unix socket is found, however long the path") {
  TempDir folder;
  std::string deep = folder / std::string(100, 'd');
  REQUIRE(mkdir(deep.c_str(), 0700) == 0);
  for (std::string path : {folder / "app.sock", std::string("@ec-endpoint-test-") + std::to_string(getpid())}) {
    INFO(path);
    BackgroundProgram server({go_server(), "-unix", path});
    REQUIRE(!server.wait_for_line("ready ").empty());
    Collected collected;
    collect_into(collected, server.pid(), with({"auto"}), {"endpoint"});
    CHECK(collected.only().url == "unix:" + path);
    CHECK(collected.status("goroutine") == "ok");
    Collected by_url;
    collect_into(by_url, server.pid(), with({"unix:" + path + ":/debug/pprof/"}), {"endpoint"});
    CHECK(by_url.status("goroutine") == "ok");
  }
  std::string link = folder / "link";
  REQUIRE(symlink(deep.c_str(), link.c_str()) == 0);
  BackgroundProgram server({go_server(), "-unix", link + "/app.sock"});  // Go itself cannot bind a path over 107 bytes
  REQUIRE(!server.wait_for_line("ready ").empty());
  Collected collected;
  collect_into(collected, server.pid(), with({"unix:" + deep + "/app.sock"}), {"endpoint"});
  CHECK(collected.status("goroutine") == "ok");
}

TEST_CASE("a Go server in a network namespace of its own is asked there") {
  if (!user_namespaces_work() && !may_mount()) return not_run_here("needs root or user namespaces");
  // A user namespace of its own, too, where we are not root.
  std::vector<std::string> inside{"unshare", "--net", "sh", "-c", "ip link set lo up && exec \"$0\"", go_server()};
  if (geteuid() != 0) inside.insert(inside.begin() + 1, {"--user", "--map-root-user"});
  BackgroundProgram server(inside);
  std::string address = address_of(server.wait_for_line("ready "));
  REQUIRE(!address.empty());
  for (const char* option : {"auto", "url"}) {
    INFO(option);
    Collected collected;
    bool automatic = option == std::string("auto");
    collect_into(collected, server.pid(), with({automatic ? "auto" : "http://" + address}), {"runtime", "endpoint"});
    CHECK(collected.only().kind == "go-pprof");
    CHECK(collected.status("heap") == "ok");
    CHECK(collected.status("vars.json") == "ok");
  }
}

TEST_CASE("a CPU profile that is longer than the server may write is asked shorter") {
  BackgroundProgram server({go_server(), "-write-timeout", "2s"});
  server.wait_for_line("ready ");
  Collected collected;
  collect_into(collected, server.pid(), with({"auto"}, 4), {"endpoint"});
  CHECK(collected.status("profile") == "ok: 1 s instead of 4 s: 400 profile duration exceeds server's WriteTimeout");
}

TEST_CASE("a CPU profile while another runs is left out with the server's words") {
  Faulty server("busy");
  Collected collected;
  collect_into(collected, server.program.pid(), with({"auto"}, 1), {"endpoint"});
  CHECK(collected.status("profile") == "skipped: 500 Could not enable CPU profiling: cpu profiling already in use");
  CHECK(collected.status("heap") == "ok");
  CHECK(collected.only().cpu_profile == "busy");  // whoever can profile from outside reads this
}

TEST_CASE("what a server does wrong is told in words, and the run ends") {
  struct Row {
    std::string mode, heap;
  };
  const std::vector<Row> kRows{
      {"body-hang", "partial: 127.0.0.1:PORT: stopped in the body for 5000 ms"},
      {"body-drip", "partial: 127.0.0.1:PORT: not ended after 15000 ms"},
      {"chunk-drip", "partial: 127.0.0.1:PORT: not ended after 15000 ms"},
      {"chunk-header", "failed: 127.0.0.1:PORT: more chunk headers than content"},
      {"endless", "partial: 127.0.0.1:PORT/debug/pprof/heap: longer than the limit of 64.0 MiB"},
      {"claims-10-gb", "partial: 127.0.0.1:PORT/debug/pprof/heap: ended after 15 of 10737418240 bytes"},
      {"ends-early", "partial: 127.0.0.1:PORT/debug/pprof/heap: ended after 110 of 5000 bytes"},
      {"html",
       "partial: profiles/127.0.0.1_PORT/heap.pb.gz: expected a gzipped profile, got '<html><body>please log in'"},
      {"bad-length", "partial: 127.0.0.1:PORT/debug/pprof/heap: expected a length, got Content-Length '-5'"},
  };
  for (const Row& expected : kRows) {
    INFO(expected.mode);
    Faulty server(expected.mode);
    Collected collected;
    collect_into(collected, server.program.pid(), with({"auto"}), {"endpoint"});
    std::string words = expected.heap;
    words.replace(words.find("PORT"), 4, server.port);
    CHECK(collected.status("heap") == words);
    // The others of the same server are not lost with it.
    CHECK(collected.status("index.html") == "ok");
    CHECK(collected.status("goroutine") == "failed: 404 Unknown profile");
  }
}

TEST_CASE("a body that is packed although nobody asked for that says so") {
  Faulty server("packed");
  Collected collected;
  collect_into(collected, server.program.pid(), with({"auto"}), {"endpoint"});
  CHECK(collected.status("heap").starts_with("partial: "));
  CHECK(collected.status("heap").ends_with(": answers with Content-Encoding: gzip, which was not asked for"));
}

TEST_CASE("a profile that ends in the middle of its gzip is partial") {
  Faulty server("truncated");
  Collected collected;
  collect_into(collected, server.program.pid(), with({"auto"}), {"endpoint"});
  CHECK(collected.status("heap").starts_with("partial: profiles/127.0.0.1_" + server.port + "/heap.pb.gz+0x"));
  CHECK(collected.status("heap").ends_with("expected more gzip data"));
  CHECK(collected.store.read("profiles/127.0.0.1_" + server.port + "/heap.pb.gz")->size() > 100);
}

TEST_CASE("a profile that unpacks to more than is looked through says what became of the rest") {
  std::string zeros = gzip(std::string(16 << 20, '\0')),
              bomb = gzip(ProfileBytes().sample({}).comment("svc --password canary-90ab-bomb").whole());
  for (int i = 0; i < 17; ++i) bomb += zeros;
  TempDir folder;
  write_text(folder / "bomb.pb.gz", bomb + gzip("canary-90ab-bomb"));
  BackgroundProgram server({std::string(EC_TARGETS_DIR) + "/fault_http_server", "normal", folder / "bomb.pb.gz"});
  std::string port = address_of(server.wait_for_line("ready "));
  Collected collected;
  collect_into(collected, server.pid(), with({"auto"}), {"endpoint"});
  std::string path = "profiles/127.0.0.1_" + port + "/heap.pb.gz";
  CHECK(collected.status("heap") == "partial: " + path +
                                        ": unpacks to more than 256 MiB; redaction leaves out what it cannot read, "
                                        "--no-redact keeps it");
  Unpacked stored = unpack_gzip(path, collected.store.read(path).value(), 1 << 30);
  CHECK(stored.content.find("svc --password [redacted:secret:") != std::string::npos);
  CHECK(stored.content.find("canary-90ab-bomb") == std::string::npos);
}

TEST_CASE("a listener that cannot be asked is listed with its exact error") {
  const std::map<std::string, std::string> kRows{
      {"connect", "not queried: a connection waits in its accept queue"},  // asking would take a client's place
      {"silent", "127.0.0.1:PORT: no answer within 3000 ms"},
      {"header-drip", "127.0.0.1:PORT: not ended after 5000 ms"},
      {"big-header", "127.0.0.1:PORT: header longer than 64 KiB"},
      {"long-status-line", "127.0.0.1:PORT: not HTTP: 'HTTP/1.1 200 "},
      {"continue-for-ever", "127.0.0.1:PORT: not HTTP: 'HTTP/1.1 100 Continue'"},
      {"banner", "127.0.0.1:PORT: not HTTP: 'SSH-2.0-OpenSSH_9.2p1 Debian'"},
      {"hangs-up", "127.0.0.1:PORT: "},
  };
  for (const auto& [mode, words] : kRows) {
    INFO(mode);
    Faulty server(mode);
    Collected collected;
    collect_into(collected, server.program.pid(), with({"auto"}), {"endpoint"});
    std::string expected = words;
    if (size_t at = expected.find("PORT"); at != std::string::npos) expected.replace(at, 4, server.port);
    CHECK(collected.only().kind == "none");
    CHECK(collected.only().error.substr(0, expected.size()) == expected);
    CHECK(collected.only().profiles.empty());
  }
}

TEST_CASE("redirects are followed on the same server only") {
  Faulty elsewhere("redirect-elsewhere");
  Collected collected;
  collect_into(collected, elsewhere.program.pid(), with({"auto"}), {"endpoint"});
  CHECK(collected.only().kind == "http");
  CHECK(collected.only().error == "302 Found to http://example.invalid/debug/pprof/, not followed");

  Faulty other_port("redirect-port");
  Collected refused;
  collect_into(refused, other_port.program.pid(), with({"auto"}), {"endpoint"});
  CHECK(refused.only().error == "302 Found to http://127.0.0.1:1/debug/pprof/, not followed");

  Faulty loop("redirect-loop");
  Collected ended;
  collect_into(ended, loop.program.pid(), with({"auto"}), {"endpoint"});
  CHECK(ended.only().error == "302 Found to /debug/pprof/, not followed: it was the redirect number 3");

  Faulty here("redirect-here");
  Collected followed;
  collect_into(followed, here.program.pid(), with({"auto"}), {"endpoint"});
  CHECK(followed.only().kind == "go-pprof");
  CHECK(followed.status("heap") == "ok");
}

TEST_CASE("names that lead out of the index, and profiles that cost a collection, are not asked") {
  Faulty server("hostile-names");
  Collected collected;
  collect_into(collected, server.program.pid(), with({"auto"}), {"endpoint"});
  std::vector<std::string> names;
  for (const auto& profile : collected.only().profiles) names.push_back(profile.name);
  CHECK(names == std::vector<std::string>{"index.html", "goroutine", "heap", "cmdline", "memstats", "goroutine-text",
                                          "goroutine-full"});
  RunOptions options = with({"auto"});
  options.pull = {"goroutineleak"};
  Collected asked;
  collect_into(asked, server.program.pid(), options, {"endpoint"});
  CHECK(asked.status("goroutineleak") == "failed: 404 Unknown profile");  // asked, once
}

TEST_CASE("pulling stops when the server becomes slow") {
  Faulty server("slows-down");
  Collected collected;
  collect_into(collected, server.program.pid(), with({"auto"}, 1), {"endpoint"});
  CHECK(collected.status("heap") == "ok");
  // The next pull that takes a while shows it; here that is the end of the list.
  CHECK(collected.only().error.find("pulling stopped") != std::string::npos);
}

TEST_CASE("what was pulled before the collector is killed is kept and told") {
  Faulty server("body-hang");
  Collected collected;
  auto target = identify(server.program.pid());
  REQUIRE(target.has_value());
  RunOptions options = with({"auto"});
  Runner runner(&*target, options, Clock::now(), collected);
  runner.start({{&row("runtime"), Reading::kFirst, {}}, {&row("endpoint"), Reading::kFirst, {}}},
               Deadline::in(std::chrono::seconds(60)));
  std::string index = "profiles/127.0.0.1_" + server.port + "/index.html";
  runner.pump(Deadline::in(std::chrono::seconds(60)), {}, [&] { return collected.store.row(index) != nullptr; });
  REQUIRE(!runner.idle());  // it waits for the heap, which never comes
  runner.stop("interrupted");
  parse_endpoints(collected.store, collected.snapshot);
  CHECK(collected.only().url == "http://127.0.0.1:" + server.port);
  CHECK(collected.only().kind == "go-pprof");
  CHECK(collected.status("index.html") == "ok");
}

TEST_CASE("at its deadline the collector ends by itself and says what there was no time for") {
  Faulty server("body-drip");
  Collected collected;
  collect_into(collected, server.program.pid(), with({"auto"}, 1), {"endpoint"}, Deadline::in(std::chrono::seconds(3)));
  CHECK(collected.order.back() == "raw/endpoint.json");
  CHECK(collected.status("heap").starts_with("partial: "));
  CHECK(collected.status("profile").starts_with("skipped: no time is left"));
}

TEST_CASE("https is verified, and its credentials stay out of everything that is stored") {
  TempDir folder;
  std::string file = folder / "certificate.pem";
  BackgroundProgram server({go_server(), "-tls", file, "-password", "canary-77aa-password"});
  std::string address = address_of(server.wait_for_line("ready "));
  std::string url = "https://ops:canary-77aa-password@" + address;
  Collected refused;
  collect_into(refused, server.pid(), with({url}), {"endpoint"});
  CHECK(refused.only().kind == "none");
  CHECK(refused.only().error.starts_with(address + ": certificate verify failed: self"));

  setenv("SSL_CERT_FILE", file.c_str(), 1);
  Collected trusted, without_password, automatic;
  collect_into(trusted, server.pid(), with({url}), {"endpoint"});
  collect_into(without_password, server.pid(), with({"https://" + address}), {"endpoint"});
  collect_into(automatic, server.pid(), with({"auto"}), {"endpoint"});
  unsetenv("SSL_CERT_FILE");
  CHECK(trusted.only().url == "https://" + address);
  CHECK(trusted.status("heap") == "ok");
  CHECK(trusted.status("cmdline") == "ok");
  CHECK(without_password.only().error == "401 who are you?");
  CHECK(automatic.only().error == "400 Client sent an HTTP request to an HTTPS server.");
  for (const std::string& path : trusted.store.list("")) {
    INFO(path);
    CHECK(trusted.store.row(path)->source.find("canary-77aa") == std::string::npos);
    auto bytes = trusted.store.read(path);
    if (bytes) CHECK(bytes->find("canary-77aa") == std::string_view::npos);
  }
}

TEST_CASE("known services and switched off endpoints are not asked") {
  Faulty server("normal");
  Collected collected;
  collect_into(collected, server.program.pid(), with({"none"}), {"runtime", "endpoint"});
  CHECK(collected.store.row("raw/endpoint.json")->status == Status::kSkipped);
  CHECK(collected.store.row("raw/endpoint.json")->reason == "--endpoint none");
  CHECK(!collected.snapshot.endpoints.has_value());
}
