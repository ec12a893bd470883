#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "collector/base/text.h"
#include "collector/report/page.h"
#include "collector/report/text_layout.h"
#include "tests/unit/analysis/healthy_snapshot.h"

using namespace ec;
using namespace ec::test;

namespace {

// An hour in which everything is wrong, and whoever named the processes hates us.
Snapshot trouble() {
  Snapshot s = healthy();
  s.target.comm = "<b>`x`|[y](http://evil)";
  s.host.name = "host\x1b[2J";
  for (int i = 0; i < 961; ++i) add_socket(*s.files, tcp("CLOSE_WAIT", "10.0.0.1:6379", "10.0.0.9:1000"));
  s.files->count = 1018;
  Stacks stacks;
  Frame frame;
  frame.symbol = "</pre><img src=x onerror=alert(1)>\n```\n# not a heading", frame.module = "/usr/bin/\xff";
  stacks.frames = {frame};
  stacks.stacks = {{{0}, "root"}};
  stacks.threads = {{42, "no-stop", 0, 0, false, ""}};
  stacks.pause.mode = stacks.pause.asked = "auto", stacks.pause.threads_read_without_stop = 4,
  stacks.pause.budget_us = 50'000;
  s.stacks = stacks;
  s.logs->last_errors = {"2026-11-20 <script>alert(1)</script> ``` broke", "日本語のエラー"};
  ArtifactRow row;
  row.path = "raw/proc/42/maps", row.collector = "process", row.status = Status::kTimeout, row.reason = "<i>hung</i>",
  row.fix = "run as root";
  s.artifacts.push_back(row);
  s.run.cost = {0.42, 0.18, 31 * kMiB};
  return s;
}

size_t widest(const std::string& text) {
  size_t width = 0;
  LineCursor lines("page", text);
  while (auto line = lines.next()) width = std::max(width, display_width(*line));
  return width;
}

}  // namespace

TEST_CASE("summary.md: hostile names, frames and log lines stay text") {
  Snapshot s = trouble();
  auto findings = analyse(s);
  std::string page = summary_markdown({s, findings, "/tmp/incident.tar.zst"});
  CHECK(page.find("<b>") == std::string::npos);
  CHECK(page.find('\x1b') == std::string::npos);
  CHECK(page.find("](http://evil)") == std::string::npos);
  CHECK(page.find("\n# not a heading") == std::string::npos);
  CHECK(page.find("\n```") == std::string::npos);
  // Only in places where Markdown shows it as it stands: a code span and an indented block.
  LineCursor lines("summary.md", page);
  while (auto line = lines.next()) {
    bool code = line->starts_with("    ") || line->find('`') != std::string_view::npos;
    INFO(*line);
    CHECK((code || line->find('<') == std::string_view::npos));
  }
}

TEST_CASE("summary.md has every section, the verdict first") {
  Snapshot s = trouble();
  auto findings = analyse(s);
  std::string page = summary_markdown({s, findings, "/tmp/incident.tar.zst"});
  size_t at = 0;
  for (auto* part :
       {"# ", "is out of file descriptors: 1018 of 1024", "## Findings", "### 1. critical: ", "**fd-exhaustion**",
        "`raw/proc/42/limits`", "Next: `ls -l /proc/42/fd", "runbooks/fd-exhaustion.md", "## Key figures", "## Threads",
        "## Open files", "- 961 TCP connections in CLOSE", "## Last errors in its logs", "## Not examined",
        "raw/proc/42/maps", "## What the collection cost", "no thread was stopped", "0.42 s",
        "Archive: `/tmp/incident.tar.zst`"}) {
    INFO(part);
    if (std::string_view(part) == "raw/proc/42/maps") continue;  // named without its folder
    size_t found = page.find(part, at);
    CHECK(found != std::string::npos);
    if (found != std::string::npos) at = found;
  }
}

TEST_CASE("summary.md never grows over 64 KB") {
  Snapshot s = trouble();
  std::vector<Finding> findings;
  for (int i = 0; i < 500; ++i)
    findings.push_back({"fd-exhaustion", Severity::kHigh, std::string(5000, '*'), std::string(50'000, '<') + ".",
                        std::vector<Evidence>(50, {"a", "b", std::string(9000, '`')})});
  for (int i = 0; i < 1000; ++i) {
    ArtifactRow row;
    row.path = "raw/" + std::string(300, '_'), row.collector = "c" + std::to_string(i), row.status = Status::kFailed,
    row.reason = std::string(3000, '&');
    s.artifacts.push_back(row);
  }
  std::string page = summary_markdown({s, findings, ""});
  CHECK(page.size() <= 64 * 1024);
  CHECK(page.find("The page ends here, at 64 KB") != std::string::npos);
  CHECK(printable_utf8(page) == page);  // not cut inside a character
}

TEST_CASE("summary.json keeps the contract, whatever bytes are in it") {
  Snapshot s = trouble();
  s.target.comm = "\xff\xfe";
  auto findings = analyse(s);
  auto root = nlohmann::json::parse(summary_json({s, findings, ""}));
  for (auto* key : {"schema", "target", "host", "started", "verdict", "findings", "figures", "not_examined"})
    CHECK(root.contains(key));
  CHECK(root["started"] == "2026-11-20T21:26:40Z");
  REQUIRE_FALSE(root["findings"].empty());
  auto& first = root["findings"][0];
  CHECK(first["id"] == "fd-exhaustion");
  CHECK(first["severity"] == "critical");
  CHECK(first["runbook"] == "runbooks/fd-exhaustion.md");
  CHECK(first["evidence"][0]["artifact"] == "raw/proc/42/limits");
  CHECK(root["figures"]["process.open_files"]["value"] == 1018);
  Snapshot host_only = healthy();
  host_only.target = {};
  CHECK(nlohmann::json::parse(summary_json({host_only, {}, ""}))["target"].is_null());
}

TEST_CASE("the terminal page keeps to its width, without escapes when there is no colour") {
  Snapshot s = trouble();
  auto findings = analyse(s);
  for (int columns : {40, 80, 132}) {
    std::string page = summary_terminal({s, findings, ""}, false, columns);
    CHECK(widest(page) <= static_cast<size_t>(columns));
    CHECK(page.find('\x1b') == std::string::npos);
  }
  CHECK(summary_terminal({s, findings, ""}, true, 80).find("\x1b[1;97;41m") != std::string::npos);
  CHECK_FALSE(summary_terminal({s, findings, ""}, true, 1).empty());
}

TEST_CASE("the terminal page: verdict, next command, figures, gaps, cost, archive") {
  Snapshot s = trouble();
  auto findings = analyse(s);
  std::string page =
      summary_terminal({s, findings, "/very/long/path/" + std::string(200, 'x') + ".tar.zst"}, false, 80);
  size_t at = 0;
  for (auto* part : {"is out of file descriptors", "FINDINGS", "CRITICAL", "next", "ls -l /proc/42/fd",
                     "emergency-collect runbook show fd-exhaustion", "KEY FIGURES", "THREADS  4", "OPEN FILES  1018",
                     "NOT EXAMINED", "run as root", "COST", "ARCHIVE  /very/long"}) {
    INFO(part);
    size_t found = page.find(part, at);
    CHECK(found != std::string::npos);
    if (found != std::string::npos) at = found;
  }
  CHECK(page.find(std::string(200, 'x') + ".tar.zst\n") != std::string::npos);  // never broken
}

TEST_CASE("the update tells only what is new") {
  Snapshot before = trouble(), now = trouble();
  auto old_findings = analyse(before);
  CHECK(update_terminal({before, old_findings, ""}, {now, old_findings, ""}, false, 80) == "");
  now.target.death = TargetDeath{"exited", 900, ""};
  Endpoint endpoint;
  endpoint.url = "http://127.0.0.1:6060";
  endpoint.profiles = {{"heap", "profiles/127.0.0.1:6060/heap.pb.gz", "ok", "", 100}};
  now.endpoints = std::vector<Endpoint>{endpoint};
  auto new_findings = analyse(now);
  std::string text = update_terminal({before, old_findings, ""}, {now, new_findings, ""}, false, 80);
  CHECK(text.find("The process ended during the collection") != std::string::npos);
  CHECK(text.find("http://127.0.0.1:6060: heap") != std::string::npos);
  CHECK(text.find("Open files: 1018") == std::string::npos);
}

TEST_CASE("the checklist is one screen, and marks what is out of range without colour") {
  Snapshot s = trouble();
  std::string text = checklist_terminal(s, false, 80);
  CHECK(widest(text) <= 80);
  size_t lines = static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  CHECK(lines >= 20);
  CHECK(lines <= 50);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find("!! open files         1018 of 1024 (99 %)") != std::string::npos);
  for (auto* part : {"load", "memory", "disk", "IOPS", "pressure", "running for", "threads", "CLOSE_WAIT 961",
                     "listens on", "127.0.0.1:6379 (queue 0/511)", "failed 0.0/s", "日本語のエラー"}) {
    INFO(part);
    CHECK(text.find(part) != std::string::npos);
  }
  CHECK(checklist_terminal(s, true, 80).find("\x1b[31m") != std::string::npos);
}

TEST_CASE("the checklist and the page of an empty snapshot") {
  Snapshot empty;
  CHECK_FALSE(checklist_terminal(empty, false, 80).empty());
  CHECK_FALSE(summary_markdown({empty, {}, ""}).empty());
  CHECK_FALSE(summary_terminal({empty, {}, ""}, true, 80).empty());
}

TEST_CASE("the page shows the command line: as it stands, short and harmless") {
  Snapshot s = healthy();
  auto pages = [&] { return std::pair(summary_terminal({s, {}, ""}, false, 80), summary_markdown({s, {}, ""})); };
  s.process.command_line = std::vector<std::string>{"postgres: shop app [local] UPDATE waiting"};
  CHECK(pages().first.find("\npostgres: shop app [local] UPDATE waiting\n") != std::string::npos);
  CHECK(pages().second.find("\nCommand: `postgres: shop app [local] UPDATE waiting`\n") != std::string::npos);
  s.process.command_line = std::vector<std::string>{"/usr/bin/java", "-cp", std::string(5000, 'x'), "\x1b[2J`<b>"};
  CHECK(widest(pages().first) <= 80);
  CHECK(pages().first.find(std::string(79, 'x')) != std::string::npos);
  CHECK(pages().first.find(std::string(300, 'x')) == std::string::npos);
  s.process.command_line = std::vector<std::string>{"\x1b[2J`<b>"};
  CHECK(pages().first.find('\x1b') == std::string::npos);
  s.process.command_line = std::vector<std::string>{};
  CHECK(pages().second.find("Command:") == std::string::npos);
}

TEST_CASE("an endpoint that gave nothing is named once") {
  Snapshot s = healthy();
  Endpoint endpoint;
  endpoint.url = "http://127.0.0.1:8080", endpoint.kind = "none";
  endpoint.error = "127.0.0.1:8080: no answer within 700 ms";
  s.endpoints = std::vector<Endpoint>{endpoint};
  CHECK(summary_terminal({s, {}, ""}, false, 80).find("\n http://127.0.0.1:8080: no answer within 700 ms\n") !=
        std::string::npos);
}
