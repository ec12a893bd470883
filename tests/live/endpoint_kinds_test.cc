// Kinds of debug endpoints on real programs where Debian has them, else on their recorded answers; and what none of
// them is ever asked.
#include <signal.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <sstream>

#include "collector/collectors/endpoint_record.h"
#include "tests/live/endpoint_runs.h"
#include "tests/support/go_server.h"
#include "tests/support/place.h"
#include "tests/support/program.h"

using namespace ec;
using namespace ec::test;

namespace {

const std::string kFixtures = std::string(EC_FIXTURES) + "/endpoints/";

// A program whose output is kept, so that a test can say what it was asked.
struct Logged {
  Logged(std::vector<std::string> argv, const std::string& ready, ProgramSettings settings = {})
      : program(with_log(std::move(argv), folder / "log"), settings) {
    REQUIRE(eventually([&] { return log().find(ready) != std::string::npos; }));
  }
  static std::vector<std::string> with_log(std::vector<std::string> argv, const std::string& file) {
    std::vector<std::string> shell{"sh", "-c", "exec \"$@\" >" + file + " 2>&1", "sh"};
    shell.insert(shell.end(), argv.begin(), argv.end());
    return shell;
  }
  std::string log() const { return read_text(folder / "log"); }
  // The last word of the line that begins with "ready ".
  std::string port() const {
    std::string text = log();
    size_t at = text.find("ready ") + 6;
    return text.substr(at, text.find('\n', at) - at);
  }
  TempDir folder;
  BackgroundProgram program;
};

Logged recorded(const std::string& kind) {
  return Logged({"python3", std::string(EC_SOURCE_DIR) + "/tests/support/recorded_server.py", kFixtures + kind},
                "ready ");
}

EndpointRecord record_of(const Collected& collected) {
  auto records = parse_endpoint_records("raw/endpoint.json", collected.store.read("raw/endpoint.json").value());
  REQUIRE(records.has_value());
  REQUIRE(!records->endpoints.empty());
  return records->endpoints.front();
}

std::string names_of(const Endpoint& endpoint) {
  std::string names;
  for (const PulledProfile& profile : endpoint.profiles) names += (names.empty() ? "" : " ") + profile.name;
  return names;
}

bool holds(const Collected& collected, const std::string& text) {
  for (const std::string& path : collected.store.list(""))
    if (auto bytes = collected.store.read(path); bytes && bytes->find(text) != std::string_view::npos) return true;
  return false;
}

RunOptions pulling(std::vector<std::string> words, int profile_seconds) {
  RunOptions options = with({"auto"}, profile_seconds);
  options.pull = std::move(words);
  return options;
}

}  // namespace

TEST_CASE("an Envoy proxy is asked for its state, and nothing that changes it") {
  Logged server = recorded("envoy");
  Collected collected;
  collect_into(collected, server.program.pid(), with({"auto"}), {"endpoint"});
  const Endpoint& endpoint = collected.only();
  CHECK(endpoint.kind == "envoy");
  CHECK(names_of(endpoint) == "ready.txt server_info memory metrics clusters listeners config_dump metrics-again");
  for (const PulledProfile& profile : endpoint.profiles) CHECK(profile.status == "ok");
  REQUIRE(endpoint.metrics.has_value());
  CHECK(endpoint.metrics->series == 8);
  REQUIRE(endpoint.health.size() == 1);
  CHECK(endpoint.health[0].path == "/ready");
  CHECK(endpoint.health[0].status_before == 200);
  CHECK(endpoint.health[0].status_after == 200);
  CHECK(endpoint.health[0].asked >= 2);
  CHECK(!holds(collected, "canary"));
  std::string log = server.log();
  for (const char* never : {"POST", "quitquitquit", "drain", "fail", "profiler", "hystrix", "reset", "logging"})
    CHECK(log.find(never) == std::string::npos);
  // What may slow it down comes behind what is cheap.
  CHECK(log.find("/ready") < log.find("/server_info"));
  CHECK(log.find("/server_info") < log.find("/config_dump"));
}

TEST_CASE("a Spring Boot actuator is asked for what is harmless, and never for its heap") {
  Logged server = recorded("actuator");
  for (const char* where : {"auto", "/actuator", "/actuator/"}) {
    INFO(where);
    Collected collected;
    bool automatic = where == std::string("auto");
    collect_into(collected, server.program.pid(),
                 with({automatic ? "auto" : "http://127.0.0.1:" + server.port() + where}), {"endpoint"});
    const Endpoint& endpoint = collected.only();
    CHECK(endpoint.kind == "actuator");
    CHECK(names_of(endpoint) ==
          "actuator.json health info threaddump metrics metric-names metric-values scheduledtasks caches "
          "metrics-again");
    for (const PulledProfile& profile : endpoint.profiles) CHECK(profile.status == "ok");
    REQUIRE(endpoint.health.size() == 1);
    CHECK(endpoint.health[0].path == "/actuator/health");
    REQUIRE(endpoint.metrics.has_value());
    CHECK(!holds(collected, "canary"));
    CHECK(holds(collected, "Full thread dump"));
    CHECK(endpoint.variables.at("jvm.memory.used (area:heap)") == "512 MiB");
    CHECK(endpoint.variables.at("hikaricp.connections.active") == "10");
    CHECK(endpoint.variables.count("http.server.requests (outcome:SERVER_ERROR)") == 0);  // there was none
  }
  CHECK(server.log().find("metrics/jvm.gc.pause") == std::string::npos);  // it is not in its list
  for (const char* never : {"heapdump", "shutdown", "/env", "configprops", "loggers", "POST"})
    CHECK(server.log().find(never) == std::string::npos);
}

TEST_CASE("a brpc server is asked with seconds, never for symbols, and its busy profiler is waited for") {
  Logged server = recorded("brpc");
  Collected collected;
  collect_into(collected, server.program.pid(), pulling({"native-cpu"}, 1), {"endpoint"});
  CHECK(collected.only().kind == "brpc");
  CHECK(collected.status("status") == "ok");
  CHECK(collected.status("contention") == "ok");
  CHECK(collected.status("heap") == "absent");  // this build has no profiler of the heap
  CHECK(collected.status("profile") == "skipped: 503 [E11]Another profiler is running, try again later");
  CHECK(collected.only().cpu_profile == "busy");
  CHECK(!holds(collected, "canary"));
  std::string log = server.log();
  size_t attempts = 0;
  for (size_t at = log.find("pprof/profile"); at != std::string::npos; at = log.find("pprof/profile", at + 1))
    ++attempts;
  CHECK(attempts > 1);
  for (const char* never : {"pprof/symbol", "/flags", "rpcz", "/threads", "/dir", "POST", "/pprof/profile\n"})
    CHECK(log.find(never) == std::string::npos);
  Collected by_default;
  collect_into(by_default, server.program.pid(), with({"auto"}, 1), {"endpoint"});
  CHECK(by_default.status("profile") == "absent");
  CHECK(by_default.only().cpu_profile == "not-asked");
}

TEST_CASE("a gops agent is found by its file and given harmless commands only") {
  TempDir home;
  ProgramSettings settings;
  settings.environment = {"HOME=" + home.path()};
  Logged agent(
      {"python3", std::string(EC_SOURCE_DIR) + "/tests/support/recorded_server.py", kFixtures + "gops", "--gops"},
      "ready ", settings);
  Collected collected;
  collect_into(collected, agent.program.pid(), with({"auto"}), {"endpoint"});
  const Endpoint& endpoint = collected.only();
  CHECK(endpoint.url == "gops://127.0.0.1:" + agent.port());
  CHECK(endpoint.kind == "gops");
  CHECK(names_of(endpoint) == "version stats memstats stack");
  REQUIRE(endpoint.go.has_value());
  CHECK(endpoint.go->goroutines == 12);
  CHECK(endpoint.go->heap_objects == 3391);
  std::istringstream log(agent.log());
  std::string line, commands;
  while (std::getline(log, line))
    if (line.starts_with("command ")) commands += line.substr(8) + " ";
  CHECK(commands == "04 07 03 01 ");
}

TEST_CASE("Node's inspector is seen and not opened") {
  Logged node({"node", "--inspect=127.0.0.1:0", "-e", "setInterval(() => {}, 1000)"}, "Debugger listening on ws://");
  Collected collected;
  collect_into(collected, node.program.pid(), with({"auto"}), {"endpoint"});
  CHECK(collected.only().kind == "node-inspector");
  CHECK(collected.only().note.find("can run code in the program") != std::string::npos);
  CHECK(names_of(collected.only()) == "inspector.json");
  CHECK(node.log().find("Debugger attached") == std::string::npos);
}

TEST_CASE("a program with gperftools behind HTTP gives heap and growth, its CPU only when asked by name") {
  std::string program = std::string(EC_TARGETS_DIR) + "/gperftools_server";
  if (access(program.c_str(), X_OK) != 0) return not_run_here("needs libgoogle-perftools-dev");
  ProgramSettings settings;
  settings.environment = {"TCMALLOC_SAMPLE_PARAMETER=1000"};
  Logged server({program}, "ready ", settings);
  Collected collected;
  collect_into(collected, server.program.pid(), with({"auto"}, 1), {"endpoint"});
  CHECK(collected.only().kind == "gperftools");
  CHECK(names_of(collected.only()) == "cmdline.txt heap growth");
  CHECK(collected.only().cpu_profile == "not-asked");
  std::string folder = "profiles/127.0.0.1_" + server.port() + "/";
  CHECK(collected.store.read(folder + "heap.prof").value().starts_with("heap profile: "));
  CHECK(collected.store.read(folder + "heap.prof")->find("MAPPED_LIBRARIES:") != std::string_view::npos);
  CHECK(server.log().find("profile") == std::string::npos);
  CHECK(server.log().find("symbol") == std::string::npos);

  Collected asked;
  collect_into(asked, server.program.pid(), pulling({"native-cpu"}, 1), {"endpoint"});
  CHECK(asked.status("profile") == "ok");
  CHECK(asked.only().cpu_profile == "ok");
  // Machine words: 0, 3, 0, the period, 0.
  CHECK(asked.store.read(folder + "profile.prof").value().substr(0, 9) == std::string_view("\0\0\0\0\0\0\0\0\3", 9));
  CHECK(kill(server.program.pid(), 0) == 0);
}

TEST_CASE("Prometheus gives its own profiles, and its metrics twice") {
  TempDir folder;
  write_text(folder / "prometheus.yml", "global: {}\n");
  std::string address = "127.0.0.1:" + std::to_string(free_port());
  Logged server({"prometheus", "--config.file=" + (folder / "prometheus.yml"),
                 "--storage.tsdb.path=" + (folder / "data"), "--web.listen-address=" + address},
                "Server is ready to receive web requests");
  Collected collected;
  collect_into(collected, server.program.pid(), with({"auto"}, 1), {"endpoint"});
  const Endpoint& endpoint = collected.only();
  CHECK(endpoint.kind == "go-pprof");
  for (const char* name : {"heap", "goroutine", "profile", "metrics.txt", "metrics-again"}) {
    INFO(name);
    CHECK(collected.status(name) == "ok");
  }
  REQUIRE(endpoint.metrics.has_value());
  CHECK(endpoint.metrics->series > 300);
  CHECK(endpoint.metrics->interval_seconds >= 2);
  CHECK(endpoint.metrics->process.resident_bytes > 1e6);
  CHECK(!endpoint.metrics->fastest.empty());
  CHECK(endpoint.cpu_profile == "ok");
  REQUIRE(endpoint.go.has_value());
  CHECK(endpoint.go->sys_bytes > 0);
  REQUIRE(!endpoint.health.empty());
  CHECK(endpoint.health[0].path == "/-/healthy");
  CHECK(endpoint.health[0].status_after == 200);
}

TEST_CASE("a page of metrics at a path of its own is found by its URL") {
  Logged server = recorded("prometheus");
  Collected collected;
  collect_into(collected, server.program.pid(), with({"http://127.0.0.1:" + server.port() + "/my/own/page"}),
               {"endpoint"});
  CHECK(collected.only().kind == "prometheus");
  CHECK(collected.status("metrics.txt") == "ok");
  REQUIRE(collected.only().go.has_value());  // from go_… alone
  CHECK(collected.only().go->goroutines > 10);
}

TEST_CASE("Redis is known and not asked anything") {
  TempDir folder;
  std::string port = std::to_string(free_port());
  BackgroundProgram redis({"redis-server", "--port", port, "--save", "", "--dir", folder.path()});
  REQUIRE(!redis.wait_for_line("Ready to accept connections").empty());
  auto figure = [&](const std::string& name) {
    std::string text = run_program({"redis-cli", "-p", port, "INFO", "all"}).out;
    size_t at = text.find(name + ":");
    REQUIRE(at != std::string::npos);
    return std::stoi(text.substr(at + name.size() + 1));
  };
  int before = figure("total_connections_received");
  Collected collected;
  collect_into(collected, redis.pid(), with({"auto"}), {"runtime", "endpoint"});
  for (const Endpoint& endpoint : *collected.snapshot.endpoints) {
    CHECK(endpoint.error == "known service, not queried (Redis)");
    CHECK(endpoint.note.starts_with("ask Redis itself: redis-cli -p " + port + " SLOWLOG GET 20"));
    CHECK(endpoint.profiles.empty());
  }
  CHECK(!collected.snapshot.endpoints->empty());
  CHECK(figure("total_connections_received") == before + 1);  // redis-cli itself
}

TEST_CASE("PostgreSQL is known and not asked anything") {
  std::string bin = "/usr/lib/postgresql/15/bin/";
  if (access((bin + "postgres").c_str(), X_OK) != 0) return not_run_here("needs postgresql 15");
  TempDir folder;
  std::vector<std::string> as_user;
  if (geteuid() == 0) {  // it refuses to run as root
    REQUIRE(run_program({"chown", "postgres", folder.path()}).exit_code == 0);
    as_user = {"setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"};
  }
  auto command = [&](std::vector<std::string> rest) {
    std::vector<std::string> argv = as_user;
    argv.insert(argv.end(), rest.begin(), rest.end());
    return argv;
  };
  auto made = run_program(command({bin + "initdb", "-D", folder / "data", "-N", "-A", "trust"}));
  INFO(made.err);
  REQUIRE(made.exit_code == 0);
  Logged server(command({bin + "postgres", "-D", folder / "data", "-p", std::to_string(free_port()), "-k",
                         folder.path(), "-c", "listen_addresses=127.0.0.1", "-c", "log_connections=on"}),
                "ready to accept connections");
  Collected collected;
  collect_into(collected, server.program.pid(), with({"auto"}), {"runtime", "endpoint"});
  CHECK(collected.snapshot.endpoints->size() == 2);  // TCP and its unix socket
  for (const Endpoint& endpoint : *collected.snapshot.endpoints) {
    CHECK(endpoint.error == "known service, not queried (PostgreSQL)");
    CHECK(endpoint.note.find("FROM pg_stat_activity") != std::string::npos);
    CHECK(endpoint.profiles.empty());
  }
  CHECK(server.log().find("connection received") == std::string::npos);
}

TEST_CASE("a process that is stopped is not asked: it would answer to nobody when it goes on") {
  BackgroundProgram server({std::string(EC_TARGETS_DIR) + "/fault_http_server", "normal"});
  REQUIRE(!server.wait_for_line("ready ").empty());
  pid_t pid = server.pid();
  REQUIRE(kill(pid, SIGSTOP) == 0);
  REQUIRE(eventually(
      [&] { return read_text(fmt::format("/proc/{}/status", pid)).find("State:\tT") != std::string::npos; }));
  Collected collected;
  collect_into(collected, pid, with({"auto"}), {"runtime", "endpoint"});
  REQUIRE(kill(pid, SIGCONT) == 0);
  CHECK(collected.only().error == "not queried: it is stopped");
}

TEST_CASE("a profiler that somebody else uses is waited for") {
  BackgroundProgram server({std::string(EC_TARGETS_DIR) + "/fault_http_server", "busy-twice",
                            std::string(EC_FIXTURES) + "/go-pprof/heap.pb.gz"});
  REQUIRE(!server.wait_for_line("ready ").empty());
  Collected collected;
  collect_into(collected, server.pid(), with({"auto"}, 2), {"endpoint"});
  CHECK(collected.status("profile") == "ok: 1 s instead of 2 s: another profiler was running");
  CHECK(collected.only().cpu_profile == "ok");
}

TEST_CASE("a Go trace, deltas and the full dump of goroutines are given when asked by name") {
  BackgroundProgram server({go_server(), "-pile", "400"});
  std::string address = address_of(server.wait_for_line("ready "));
  Collected plain, asked;
  collect_into(plain, server.pid(), with({"auto"}, 1), {"endpoint"});
  for (const char* name : {"trace", "heap-delta", "goroutine-full"}) CHECK(plain.status(name) == "absent");
  collect_into(asked, server.pid(), pulling({"trace", "deltas", "goroutine-full"}, 1), {"endpoint"});
  for (const char* name : {"trace", "heap-delta", "allocs-delta", "mutex-delta", "block-delta", "goroutine-delta",
                           "threadcreate-delta", "goroutine-full", "profile"}) {
    INFO(name);
    CHECK(asked.status(name) == "ok");
  }
  BackgroundProgram small({go_server(), "-pile", "3"});
  small.wait_for_line("ready ");
  Collected few;
  collect_into(few, small.pid(), with({"auto"}), {"endpoint"});
  CHECK(few.status("goroutine-full") == "ok");
}

TEST_CASE("pulling stops when the service says that it is not well any more") {
  BackgroundProgram server({std::string(EC_TARGETS_DIR) + "/fault_http_server", "unwell",
                            std::string(EC_FIXTURES) + "/go-pprof/heap.pb.gz"});
  REQUIRE(!server.wait_for_line("ready ").empty());
  Collected collected;
  collect_into(collected, server.pid(), with({"auto"}, 1), {"endpoint"});
  CHECK(collected.only().error == "/healthz answers 503 now, 200 before: pulling stopped");
  CHECK(collected.status("heap") == "ok");
  CHECK(collected.status("profile") == "skipped: /healthz answers 503 now, 200 before: pulling stopped");
  CHECK(collected.only().cpu_profile == "skipped");
  EndpointRecord record = record_of(collected);
  REQUIRE(record.health.size() == 1);
  CHECK(record.health[0].status_before == 200);
  CHECK(record.health[0].status_after == 503);
}

TEST_CASE("a Rust endpoint without an index is asked when its URL says what it is") {
  BackgroundProgram server({std::string(EC_TARGETS_DIR) + "/fault_http_server", "no-index",
                            std::string(EC_FIXTURES) + "/go-pprof/heap.pb.gz"});
  std::string port = address_of(server.wait_for_line("ready "));
  Collected automatic, named;
  collect_into(automatic, server.pid(), with({"auto"}, 1), {"endpoint"});
  CHECK(automatic.only().kind == "http");  // no request would be harmless
  collect_into(named, server.pid(), with({"http://127.0.0.1:" + port + "/debug/pprof/profile"}, 1), {"endpoint"});
  CHECK(named.only().kind == "rust-pprof");
  CHECK(named.status("profile") == "ok");
  CHECK(named.only().cpu_profile == "ok");
}
