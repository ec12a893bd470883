// How an endpoint is reached that asks who comes: and that what it was told is nowhere afterwards.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/go_server.h"
#include "tests/support/program.h"

using namespace ec::test;

namespace {

const std::string kSecret = "canary-41d7";  // not random enough to be found by its looks

// All files of an archive that was unpacked.
std::string everything_in(const std::string& archive) {
  TempDir folder;
  REQUIRE(run_program({"tar", "--zstd", "-xf", archive, "-C", folder.path()}).exit_code == 0);
  return run_program(
             {"sh", "-c", "find . -type f -print -exec cat {} + ; find . -name '*.gz' -exec zcat {} +"},
             {.directory = folder.path(), .environment = {}, .timeout = std::chrono::seconds(60), .in_child = {}})
      .out;
}

struct Run {
  ProgramResult result;
  std::string archive, manifest;
};

Run collect_from(pid_t pid, std::vector<std::string> options, std::vector<std::string> environment = {}) {
  TempDir directory;
  std::vector<std::string> arguments{"--pid", std::to_string(pid), "--profile-seconds", "0", "-o", directory.path()};
  arguments.insert(arguments.end(), options.begin(), options.end());
  ProgramSettings settings;
  settings.environment = std::move(environment);
  Run run{collect(arguments, settings), "", ""};
  CAPTURE(run.result.err);
  REQUIRE(!directory.find(".tar.zst").empty());
  run.archive = everything_in(directory.find(".tar.zst"));
  run.manifest = collect({"show", directory.find(".tar.zst"), "manifest.json"}).out;
  return run;
}

}  // namespace

TEST_CASE("headers and tokens open an endpoint, and their values are stored nowhere") {
  TempDir folder;
  write_text(folder / "token", kSecret + "\n");
  struct Row {
    std::string asks;
    std::vector<std::string> options, environment;
    std::string recorded;
  };
  const std::vector<Row> kRows{
      {"X-Team=" + kSecret, {"--header", "X-Team: " + kSecret}, {}, "X-Team"},
      {"X-Team=" + kSecret, {"--header=x-team:" + kSecret, "--header", "X-Other: 1"}, {}, "x-team X-Other"},
      {"Authorization=Bearer " + kSecret, {"--bearer-file", folder / "token"}, {}, "Authorization"},
      {"Authorization=Bearer " + kSecret,
       {"--bearer-env", "EC_TEST_TOKEN"},
       {"EC_TEST_TOKEN=" + kSecret},
       "Authorization"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.options);
    BackgroundProgram server({go_server(), "-header", row.asks});
    std::string url = "http://" + address_of(server.wait_for_line("ready "));
    BackgroundProgram idle({std::string(EC_TARGETS_DIR) + "/idle"});  // the server has the secret in its arguments
    std::vector<std::string> options{"--endpoint", url};
    options.insert(options.end(), row.options.begin(), row.options.end());
    Run run = collect_from(idle.pid(), options, row.environment);
    CHECK(run.archive.find("heap.pb.gz") != std::string::npos);
    auto manifest = nlohmann::json::parse(run.manifest);
    CHECK(manifest["options"]["header"] == row.recorded);
    for (const std::string* text : {&run.result.out, &run.result.err}) CHECK(text->find(kSecret) == std::string::npos);
    // The list of processes of the host has the arguments of this test's server; ours are hidden.
    size_t ours = 0;
    for (size_t at = run.archive.find(kSecret); at != std::string::npos; at = run.archive.find(kSecret, at + 1)) {
      std::string before = run.archive.substr(at - std::min<size_t>(at, 200), std::min<size_t>(at, 200));
      if (before.find("pprof_server") == std::string::npos) ++ours;
    }
    CHECK(ours == 0);
  }
}

TEST_CASE("what was found by itself is told no header") {
  BackgroundProgram server({go_server(), "-header", "X-Team=" + kSecret});
  server.wait_for_line("ready ");
  Run run = collect_from(server.pid(), {"--header", "X-Team: " + kSecret});
  CHECK(run.archive.find("401 who are you?") != std::string::npos);
  CHECK(run.archive.find("heap.pb.gz") == std::string::npos);
}

TEST_CASE("https is checked against the given authority, or by name not at all") {
  TempDir folder;
  std::string certificate = folder / "certificate.pem";
  BackgroundProgram server({go_server(), "-tls", certificate});
  std::string url = "https://" + address_of(server.wait_for_line("ready "));
  Run refused = collect_from(server.pid(), {"--endpoint", url});
  CHECK(refused.result.exit_code == 3);
  CHECK(refused.result.out.find("certificate verify failed: self") != std::string::npos);
  CHECK(refused.archive.find("--ca FILE with the authority that signed it") != std::string::npos);

  Run trusted = collect_from(server.pid(), {"--endpoint", url, "--ca", certificate});
  CHECK(trusted.archive.find("heap.pb.gz") != std::string::npos);
  CHECK(nlohmann::json::parse(trusted.manifest)["options"]["ca"] == certificate);

  Run unchecked = collect_from(server.pid(), {"--endpoint", url, "--insecure-skip-verify"});
  CHECK(unchecked.archive.find("heap.pb.gz") != std::string::npos);
  CHECK(nlohmann::json::parse(unchecked.manifest)["options"]["insecure-skip-verify"] == "yes");

  // An authority that signed something else, and a file that is none.
  BackgroundProgram other({go_server(), "-tls", folder / "other.pem"});
  other.wait_for_line("ready ");
  CHECK(collect_from(server.pid(), {"--endpoint", url, "--ca", folder / "other.pem"})
            .result.out.find("certificate verify failed") != std::string::npos);
  write_text(folder / "empty.pem", "nothing\n");
  CHECK(collect_from(server.pid(), {"--endpoint", url, "--ca", folder / "empty.pem"})
            .result.out.find("empty.pem: expected a certificate in PEM form") != std::string::npos);
}

TEST_CASE("what is wrong with a secret option is told without the secret") {
  TempDir folder;
  write_text(folder / "two-lines", kSecret + "\n" + kSecret + "\n");
  write_text(folder / "empty", "\n");
  struct Row {
    std::vector<std::string> options;
    std::string says;
  };
  const std::vector<Row> kRows{
      {{"--header", kSecret}, "--header: expected 'NAME: VALUE' as one argument"},
      {{"--header", "X-Team:", kSecret}, "--header takes one: quote 'NAME: VALUE'"},
      {{"--header", "X-Team: " + kSecret + "\r\nX: 1"}, "--header X-Team: expected a value without control characters"},
      {{"--header", "Connection: " + kSecret}, "--header Connection: not to be set"},
      {{"--bearer-file", folder / "none"}, "--bearer-file " + (folder / "none")},
      {{"--bearer-file", folder / "two-lines"}, "the bearer token: expected one line of text"},
      {{"--bearer-file", folder / "empty"}, "the bearer token: expected one line of text"},
      {{"--bearer-env", "EC_TEST_NO_SUCH"}, "--bearer-env: there is no variable EC_TEST_NO_SUCH"},
      {{"--endpoint", "http://u:" + kSecret + "@host:0"}, "expected a port from 1 to 65535"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.says);
    std::vector<std::string> arguments{"--pid", "1"};
    arguments.insert(arguments.end(), row.options.begin(), row.options.end());
    auto result = collect(arguments);
    CHECK(result.exit_code == 2);
    CHECK(result.err.find(row.says) != std::string::npos);
    CHECK(result.err.find(kSecret) == std::string::npos);
  }
}

TEST_CASE("others cannot read header values and passwords in our arguments") {
  BackgroundProgram faulty({std::string(EC_TARGETS_DIR) + "/fault_http_server", "silent"});
  std::string port = address_of(faulty.wait_for_line("ready "));
  TempDir directory;
  BackgroundProgram collector({EC_BINARY, "--pid", std::to_string(faulty.pid()), "-o", directory.path(), "--header",
                               "X-Team: " + kSecret, "--header=X-B:" + kSecret, "--endpoint",
                               "http://ops:" + kSecret + "@127.0.0.1:" + port + "/a@b"});
  std::string file = "/proc/" + std::to_string(collector.pid()) + "/cmdline";
  REQUIRE(!faulty.wait_for_line("GET ").empty());  // it is asked: the arguments were read
  std::string seen = read_text(file);
  CHECK(seen.find(kSecret) == std::string::npos);
  CHECK(seen.find("@127.0.0.1:" + port + "/a@b") != std::string::npos);
}

TEST_CASE("doctor says which endpoints a run would find, and whether the kernel would sample") {
  BackgroundProgram server({go_server()});
  std::string address = address_of(server.wait_for_line("ready "));
  std::string told = collect({"doctor", "--pid", std::to_string(server.pid())}).out;
  CHECK(told.find("  ok  debug endpoint http://" + address + ": go-pprof, expvar\n") != std::string::npos);
  CHECK(told.find("perf_event_open") != std::string::npos);

  BackgroundProgram silent({std::string(EC_TARGETS_DIR) + "/fault_http_server", "banner"});
  std::string port = address_of(silent.wait_for_line("ready "));
  told = collect({"doctor", "--pid", std::to_string(silent.pid())}).out;
  CHECK(told.find("  --  debug endpoint http://127.0.0.1:" + port + "\n      why: 127.0.0.1:" + port +
                  ": not HTTP: 'SSH-2.0-OpenSSH_9.2p1 Debian'\n") != std::string::npos);

  BackgroundProgram idle({std::string(EC_TARGETS_DIR) + "/idle"});
  REQUIRE(!idle.wait_for_line("ready").empty());
  told = collect({"doctor", "--pid", std::to_string(idle.pid())}).out;
  CHECK(told.find("  ok  debug endpoint: none, for it listens nowhere\n") != std::string::npos);
}
