#include "collector/report/runbook.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <set>

#include "collector/analysis/finding.h"
#include "collector/report/embedded_text.h"
#include "collector/report/page_content.h"

using namespace ec;

namespace {

const char* const kPage =
    "---\nid: my-page\ntitle: A page\nseverity: high\nowner: me\ncommands:\n  - ls -l /proc/$PID/fd\n  - \"quoted: "
    "yes\"\n---\n\nText\n";

std::string error_of(std::string_view text) {
  auto runbook = parse_runbook("page.md", text);
  return runbook ? "" : runbook.error().message();
}

struct Folder {
  Folder() {
    static int number = 0;
    path = std::filesystem::temp_directory_path() /
           ("ec-runbooks-" + std::to_string(::getpid()) + "-" + std::to_string(number++));
    std::filesystem::create_directory(path);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  void file(const std::string& name, std::string_view text) const { std::ofstream(path / name) << text; }
  std::filesystem::path path;
};

}  // namespace

TEST_CASE("front matter") {
  auto runbook = parse_runbook("page.md", kPage);
  REQUIRE(runbook);
  CHECK(runbook->id == "my-page");
  CHECK(runbook->title == "A page");
  CHECK(runbook->severity == "high");
  CHECK(runbook->commands == std::vector<std::string>{"ls -l /proc/$PID/fd", "quoted: yes"});
  CHECK(runbook->text == kPage);
  CHECK(runbook->origin == "page.md");
}

TEST_CASE("malformed front matter names the line") {
  CHECK(error_of("").find("begins with '---'") != std::string::npos);
  CHECK(error_of("# Title\n").find("page.md:1: ") == 0);
  CHECK(error_of("---\nid: a\n").find("ends with '---'") != std::string::npos);
  CHECK(error_of("---\nid: ../../etc/passwd\n---\n").find("page.md:2: ") == 0);
  CHECK(error_of("---\ntitle: x\n---\n").find("'id:'") != std::string::npos);
  CHECK(error_of("---\nid: a\n---\n").find("'title:'") != std::string::npos);
  CHECK(error_of("---\nid: a\ntitle: b\nseverity: awful\n---\n").find("page.md:4: ") == 0);
  CHECK(error_of("---\nid: a\nno colon\n---\n").find("page.md:3: ") == 0);
  CHECK(error_of("---\nid: a\ntitle: b\ncommands: ls\n---\n").find("page.md:4: ") == 0);
}

TEST_CASE("every rule has a runbook, and every runbook a rule") {
  auto shelf = RunbookShelf::open({});
  REQUIRE(shelf);
  std::set<std::string> rules, pages;
  for (auto& rule : rule_table()) rules.emplace(rule.id);
  for (auto& page : shelf->all()) pages.insert(page.id);
  CHECK(rules == pages);
  CHECK(rules.size() == rule_table().size());
  CHECK(pages.size() == builtin_runbooks().size());
}

TEST_CASE("every built-in page is named after its id and has all sections") {
  for (auto& page : builtin_runbooks()) {
    INFO(page.file);
    auto runbook = parse_runbook(page.file, page.text);
    REQUIRE(runbook);
    CHECK(std::string(page.file) == runbook->id + ".md");
    CHECK_FALSE(runbook->severity.empty());
    CHECK(runbook->commands.size() >= 2);
    size_t at = 0;
    for (auto* section : {"\n## What it means\n", "\n## Impact\n", "\n## Look at in the archive\n", "\n## Confirm\n",
                          "\n## Mitigate now\n", "\n## Find the cause\n", "\n## Prevent\n"}) {
      INFO(section);
      size_t found = runbook->text.find(section, at);
      CHECK(found != std::string::npos);
      if (found != std::string::npos) at = found;
    }
  }
}

TEST_CASE("an organisation's own pages come first, earlier folders before later ones") {
  Folder first, second;
  first.file("fd.md", "---\nid: fd-exhaustion\ntitle: Ours\n---\n");
  first.file("not a page.txt", "ignored");
  first.file("README.md", "ignored too");
  second.file("fd.md", "---\nid: fd-exhaustion\ntitle: Theirs\n---\n");
  second.file("extra.md", "---\nid: our-extra\ntitle: Extra\n---\n");
  auto shelf = RunbookShelf::open({first.path.string(), second.path.string()});
  REQUIRE(shelf);
  CHECK(shelf->find("fd-exhaustion")->title == "Ours");
  CHECK(shelf->find("fd-exhaustion")->origin == (first.path / "fd.md").string());
  CHECK(shelf->find("our-extra"));
  CHECK(shelf->find("disk-full")->origin == "built-in");
  CHECK_FALSE(shelf->find("nothing"));
  CHECK(std::is_sorted(shelf->all().begin(), shelf->all().end(), [](auto& a, auto& b) { return a.id < b.id; }));
}

TEST_CASE("a folder that is missing and a page that is malformed are errors") {
  CHECK(RunbookShelf::open({"/no/such/folder"}).error().code == ErrorCode::kGone);
  Folder folder;
  folder.file("bad.md", "no front matter");
  auto shelf = RunbookShelf::open({folder.path.string()});
  REQUIRE_FALSE(shelf);
  CHECK(shelf.error().code == ErrorCode::kMalformed);
  CHECK(shelf.error().message().find("bad.md:1") != std::string::npos);
}

TEST_CASE("a runbook that is a FIFO does not hang") {
  Folder folder;
  REQUIRE(::mkfifo((folder.path / "pipe.md").c_str(), 0600) == 0);
  CHECK_FALSE(RunbookShelf::open({folder.path.string()}));
}

TEST_CASE("commands get the pid") {
  CHECK(filled_in("ls /proc/$PID/fd; prlimit --pid $PID", {42, ""}) == "ls /proc/42/fd; prlimit --pid 42");
  CHECK(filled_in("df -h", {42, ""}) == "df -h");
  CHECK(filled_in("ls /proc/$PID", {0, ""}) == "ls /proc/$PID");
  CHECK(filled_in("curl $ENDPOINT/debug/vars", {42, "http://127.0.0.1:6060"}) ==
        "curl http://127.0.0.1:6060/debug/vars");
  CHECK(filled_in("curl $ENDPOINT/debug/vars", {42, ""}) == "curl $ENDPOINT/debug/vars");
  CHECK(filled_in("cat $PID_FILE; echo $PPID $PIDS '$PID'", {42, ""}) == "cat $PID_FILE; echo $PPID $PIDS '42'");
}
