// One Go service, sick in ways that its profiles tell and in good health: what a whole run says of both.
#include <algorithm>
#include <catch2/catch.hpp>

#include "collector/analysis/finding.h"
#include "collector/cli/load_archive.h"
#include "tests/live/go_programs.h"
#include "tests/support/place.h"

using namespace ec;
using namespace ec::test;

namespace {

const std::vector<std::string> kRules = {"hot-function",     "mutex-contention", "block-contention",
                                         "heap-growth",      "gc-pressure",      "goroutine-leak-suspect",
                                         "allocation-storm", "goroutine-pile-up"};

struct Taken {
  explicit Taken(const std::vector<std::string>& flags) {
    std::vector<std::string> argv{build_go("sick", {})};
    argv.insert(argv.end(), flags.begin(), flags.end());
    BackgroundProgram server(argv);
    std::string ready = server.wait_for_line("ready ");
    REQUIRE(!ready.empty());
    auto result =
        collect({"--pid", std::to_string(server.pid()), "--endpoint", "http://" + ready.substr(ready.rfind(' ') + 1),
                 "--profile-seconds", "2", "--deadline", "60", "-q", "-o", archive});
    INFO(result.err);
    REQUIRE((result.exit_code == 0 || result.exit_code == 3));
    auto loaded = load_archive(archive);
    REQUIRE(loaded);
    snapshot = std::move(loaded->snapshot);
  }
  std::vector<Finding> of_profiles() const {
    auto all = analyse(snapshot);
    std::erase_if(all, [](const Finding& finding) {
      return std::find(kRules.begin(), kRules.end(), finding.id) == kRules.end();
    });
    return all;
  }

  TempDir folder;
  std::string archive = folder / "taken.tar.gz";
  Snapshot snapshot;
};

std::string details(const std::vector<Finding>& findings, const std::string& id) {
  std::string text;
  for (const Finding& finding : findings)
    if (finding.id == id) text += finding.title + ": " + finding.detail + "\n";
  return text;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a sick Go program: each sickness is named, with the function and its caller") {
  Taken taken({"-sick"});
  auto found = taken.of_profiles();
  std::string all;
  for (const Finding& finding : found) all += finding.id + ": " + finding.detail + "\n";
  CAPTURE(all);
  REQUIRE(taken.snapshot.profiles);

  std::string hot = details(found, "hot-function");
  CHECK(has(hot, "regexp."));
  CHECK(has(hot, "called by main.search"));
  std::string locks = details(found, "mutex-contention");
  CHECK(has(locks, "main.(*ledger).book, called by main.queueWhileProfiled"));
  CHECK(has(locks, "of this run"));
  std::string queue = details(found, "block-contention");
  CHECK(has(queue, "main.(*ledger).book"));
  CHECK(has(queue, "of this run"));
  // Where a signal met it is no work of the runtime.
  CHECK_FALSE(has(hot, "other work of the runtime"));
  std::string heap = details(found, "heap-growth");
  CHECK(has(heap, "main.remember, called by main.upload"));

  // No goroutine has waited for minutes yet.
  CHECK(details(found, "goroutine-leak-suspect").empty());
  // Ten minutes later nothing else would be different.
  REQUIRE(taken.snapshot.goroutines);
  for (Goroutine& one : taken.snapshot.goroutines->goroutines)
    if (one.waiting_seconds) *one.waiting_seconds += 600;
  std::string leak = details(taken.of_profiles(), "goroutine-leak-suspect");
  CHECK(has(leak, "150 goroutines may never end: main.fetch.func1 main.go:"));
  CHECK(has(leak, "begun by main.fetch."));

  std::string text = collect({"show", taken.archive, "profiles/summary.txt"}).out;
  CHECK(has(text, "/heap-after.pb.gz"));
  CHECK(has(text, "main.upload"));
  std::string page = collect({"show", taken.archive}).out;
  CHECK(has(page, "called by main.search"));
}

TEST_CASE("the same Go program in good health: no rule over profiles speaks") {
  Taken taken({});
  REQUIRE(taken.snapshot.profiles);
  CHECK(taken.snapshot.profiles->read.size() >= 7);
  CHECK(taken.snapshot.profiles->unread.empty());
  REQUIRE(taken.snapshot.goroutines);
  for (Goroutine& one : taken.snapshot.goroutines->goroutines)
    if (one.waiting_seconds) *one.waiting_seconds += 600;
  std::string all;
  for (const Finding& finding : taken.of_profiles()) all += finding.id + ": " + finding.detail + "\n";
  CHECK(all == "");
}
