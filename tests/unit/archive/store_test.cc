#include "collector/archive/store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "collector/archive/store_index.h"
#include "collector/archive/writer.h"
#include "collector/base/clock.h"
#include "tests/unit/archive/temporary_folder.h"

using namespace ec;

namespace {

constexpr int64_t kDay = int64_t{86'400} * 1'000'000'000;
constexpr int64_t kNow = 1'795'211'198'000'000'000;

struct Run {
  int64_t days_ago = 0;
  std::string comm = "app", severity{};
  int pid = 42;
  ArchiveFormat format = ArchiveFormat::kTarZst;
  size_t padding = 0;
  std::string folder{};  // "" = as a run names it
};

// An archive as a run writes it; gives its path.
std::string archive_in(const std::string& directory, const Run& run) {
  int64_t started = kNow - run.days_ago * kDay;
  WriterOptions options;
  options.output = directory;
  options.format = run.format;
  options.folder = !run.folder.empty()
                       ? run.folder
                       : "incident-host7-" + run.comm + "-" + std::to_string(run.pid) + "-" + compact_utc(started);
  auto writer = ArchiveWriter::create(options);
  REQUIRE(writer);
  auto add = [&](const std::string& path, const std::string& bytes) {
    ArtifactRow row;
    row.path = path;
    REQUIRE((*writer)->add(row, bytes));
  };
  std::string findings = run.severity.empty() ? "" : R"({"id":"x","severity":")" + run.severity + R"("})";
  add("summary.json", R"({"verdict":"It is \u001b[31mfine.","findings":[)" + findings + "]}");
  std::string padding;
  for (size_t i = 0; padding.size() < run.padding; ++i) padding += std::to_string(i * i * 7919);
  add("raw/padding", padding);
  Snapshot snapshot;
  snapshot.run.started_wall_ns = started;
  snapshot.run.options["unit"] = run.comm + ".service";
  snapshot.target.pid = run.pid;
  snapshot.target.comm = run.comm;
  snapshot.target.exe = "/usr/bin/" + run.comm;
  snapshot.host.name = "host7";
  REQUIRE((*writer)->finish(manifest_json(snapshot, (*writer)->rows(), true)));
  return (*writer)->path();
}

ArchiveStore open_store(const std::string& directory) {
  auto store = ArchiveStore::open(directory, true);
  REQUIRE(store);
  return std::move(*store);
}
std::vector<std::string> names_of(const std::vector<StoredArchive>& archives) {
  std::vector<std::string> names;
  for (const StoredArchive& one : archives) names.push_back(one.comm + "-" + std::to_string(one.pid));
  return names;
}
using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("only names that a run gives are names of archives") {
  const std::string good = "incident-host7-my-app-42-20261120T214638Z";
  for (const char* ending :
       {".tar.zst", ".tar.gz", ".zip", "-2.tar.zst", ".symbolized.tar.zst", ".tar.zst.partial", ".symbolized-13.zip"})
    CHECK(is_archive_name(good + ending));
  for (const std::string& name :
       {good, good + ".tar", good + ".tar.zst.bak", "../" + good + ".tar.zst", good + "/x.tar.zst",
        std::string("notes.tar.zst"), std::string("incident-report.zip"),
        std::string("incident-h-a-4x-20261120T214638Z.zip"), std::string("incident-h-a-42-20261120T214638.zip"),
        good + "\n.tar.zst", "x" + good + ".zip", std::string(),
        "incident-" + std::string(300, 'a') + "-a-42-20261120T214638Z.zip"}) {
    INFO(name);
    CHECK_FALSE(is_archive_name(name));
  }
}

TEST_CASE("a store lists its archives, newest run first, and what they say of themselves") {
  TemporaryFolder folder;
  ArchiveStore store = open_store(folder / "deep/store");
  struct stat about {};
  REQUIRE(stat(store.directory().c_str(), &about) == 0);
  CHECK((about.st_mode & 07777) == 0700);
  archive_in(store.directory(), {.days_ago = 2, .severity = "high", .pid = 1});
  archive_in(store.directory(), {.days_ago = 1, .severity = "medium", .pid = 2, .format = ArchiveFormat::kZip});
  archive_in(store.directory(), {.days_ago = 3, .pid = 3, .format = ArchiveFormat::kTarGz});
  for (int round = 0; round < 2; ++round) {  // from the archives, and then from memory
    auto all = store.list();
    REQUIRE(all);
    CHECK(names_of(*all) == Names{"app-2", "app-1", "app-3"});
    const StoredArchive& one = all->front();
    CHECK(one.exe == "/usr/bin/app");
    CHECK(one.unit == "app.service");
    CHECK(one.host == "host7");
    CHECK(one.complete);
    CHECK(one.worst == "medium");
    CHECK(one.verdict.find('\x1b') == std::string::npos);
    CHECK(one.good());
    CHECK_FALSE((*all)[1].good());
    CHECK((*all)[2].good());
  }
  CHECK(same_program(store.list()->front(), "other", "/usr/bin/app", ""));
  CHECK_FALSE(same_program(store.list()->front(), "app", "/usr/bin/other", "app.service"));
  CHECK(same_program(store.list()->front(), "app", "", ""));
}

TEST_CASE("an archive is put, found, copied out and removed") {
  TemporaryFolder folder, elsewhere;
  ArchiveStore store = open_store(folder.path());
  std::string source = archive_in(elsewhere.path(), {.padding = 3'000'000});
  auto name = store.put(source);
  REQUIRE(name);
  CHECK(contents(folder / *name) == contents(source));
  auto again = store.put(source);
  REQUIRE(again);
  CHECK(*again != *name);
  CHECK(store.list()->size() == 2);
  std::string stem = name->substr(0, name->size() - std::string(".tar.zst").size());
  REQUIRE(store.find(stem));
  auto copied = store.copy_out(*store.find(stem), elsewhere / "copy.tar.zst", -1);
  REQUIRE(copied);
  CHECK(contents(*copied) == contents(source));
  CHECK(store.remove(*name));
  CHECK(store.find(*name).error().code == ErrorCode::kNotFound);
  CHECK(store.list()->size() == 1);
  // Under another name it gets that of its run.
  std::string renamed = elsewhere / "evidence.tar.zst";
  std::filesystem::copy(source, renamed);
  CHECK(store.put(renamed).value() == *name);
}

TEST_CASE("what is no archive of a run is not taken in") {
  TemporaryFolder folder, elsewhere;
  ArchiveStore store = open_store(folder.path());
  write_contents(elsewhere / "text.tar.zst", "hello\n");
  CHECK_FALSE(store.put(elsewhere / "text.tar.zst"));
  CHECK_FALSE(store.put(elsewhere.path()));
  CHECK_FALSE(store.put(elsewhere / "missing"));
  std::string odd = archive_in(elsewhere.path(), {.folder = "somebody-elses-folder"});
  CHECK(store.put(odd).error().code == ErrorCode::kUsage);
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("files of others are neither listed nor removed, whatever their names") {
  TemporaryFolder folder, elsewhere;
  ArchiveStore store = open_store(folder.path());
  const std::string name = "incident-h-a-42-20200101T000000Z";
  write_contents(folder / "notes.txt", "mine");
  write_contents(folder / (name + ".tar.zst"), "the name only");
  std::filesystem::create_directory(folder / (name + ".zip"));
  std::string outside = archive_in(elsewhere.path(), {.days_ago = 500});
  REQUIRE(symlink(outside.c_str(), (folder / (name + "-2.tar.zst")).c_str()) == 0);
  REQUIRE(mkfifo((folder / (name + "-3.tar.zst")).c_str(), 0600) == 0);
  write_contents(folder / "incident-h\n-a-42-20200101T000000Z.zip", "x");
  CHECK(store.list()->empty());
  Retention everything{1, 1, 1};
  auto removed = store.collect_garbage(everything, kNow, false);
  REQUIRE(removed);
  CHECK(removed->archives.empty());
  for (const char* ending : {".tar.zst", ".zip", "-2.tar.zst", "-3.tar.zst"}) CHECK_FALSE(store.remove(name + ending));
  CHECK_FALSE(store.remove("notes.txt"));
  CHECK_FALSE(store.remove("../" + elsewhere.path().substr(elsewhere.path().rfind('/') + 1) + "/x"));
  CHECK(std::filesystem::exists(outside));
  CHECK(contents(folder / "notes.txt") == "mine");
  CHECK(contents(folder / (name + ".tar.zst")) == "the name only");
}

TEST_CASE("garbage is what is too old, too many or too large") {
  TemporaryFolder folder;
  ArchiveStore store = open_store(folder.path());
  for (int i = 0; i < 5; ++i) archive_in(folder.path(), {.days_ago = i * 10, .pid = i});
  uint64_t each = store.list()->front().bytes;
  auto removed = [&](const Retention& retention) {
    return names_of(store.collect_garbage(retention, kNow, true)->archives);
  };
  CHECK(removed({}) == Names{"app-4"});
  CHECK(removed({25 * 86'400, 0, 0}) == Names{"app-3", "app-4"});
  CHECK(removed({0, 2, 0}) == Names{"app-2", "app-3", "app-4"});
  CHECK(removed({0, 0, 3 * each + each / 2}) == Names{"app-3", "app-4"});
  CHECK(removed({0, 0, 0}).empty());
  CHECK(store.list()->size() == 5);
  CHECK(store.collect_garbage({0, 2, 0}, kNow, false)->archives.size() == 3);
  CHECK(names_of(*store.list()) == Names{"app-0", "app-1"});
}

TEST_CASE("what a killed run left goes when it is too old, by the time it was last written") {
  TemporaryFolder folder;
  ArchiveStore store = open_store(folder.path());
  std::string path = archive_in(folder.path(), {.days_ago = 1});
  std::filesystem::rename(path, path + ".partial");
  CHECK(store.collect_garbage({0, 1, 1}, wall_clock_ns(), false)->archives.empty());
  CHECK(store.collect_garbage({30 * 86'400, 1, 1}, wall_clock_ns(), false)->archives.empty());
  CHECK(store.collect_garbage({30 * 86'400, 0, 0}, wall_clock_ns() + 31 * kDay, false)->archives.size() == 1);
}

TEST_CASE("collections and puts at the same time leave whole archives, and the number asked for") {
  TemporaryFolder folder, elsewhere;
  std::vector<std::string> sources;
  for (int i = 0; i < 12; ++i) sources.push_back(archive_in(elsewhere.path(), {.days_ago = i, .pid = 100 + i}));
  open_store(folder.path());
  std::vector<std::thread> workers;
  std::atomic<int> problems{0};
  for (int worker = 0; worker < 4; ++worker)
    workers.emplace_back([&, worker] {
      auto store = ArchiveStore::open(folder.path(), false);
      for (size_t i = static_cast<size_t>(worker); store && i < sources.size(); i += 4) {
        if (!store->put(sources[i])) ++problems;
        auto removed = store->collect_garbage({0, 5, 0}, kNow, false);
        if (removed ? !removed->problems.empty() : removed.error().code != ErrorCode::kSkipped) ++problems;
      }
    });
  for (auto& worker : workers) worker.join();
  CHECK(problems == 0);
  ArchiveStore store = open_store(folder.path());
  REQUIRE(store.collect_garbage({0, 5, 0}, kNow, false));
  CHECK(names_of(*store.list()) == Names{"app-100", "app-101", "app-102", "app-103", "app-104"});
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    CHECK_FALSE(entry.path().filename().string().ends_with(".partial"));
}

TEST_CASE("a memory that is damaged, or of another file, is no memory") {
  TemporaryFolder folder;
  ArchiveStore store = open_store(folder.path());
  archive_in(folder.path(), {.severity = "high"});
  REQUIRE(store.list()->size() == 1);
  std::string index = contents(folder / ".index.json");
  CHECK(parse_store_index(index).size() == 1);
  CHECK(parse_store_index(index.substr(0, index.size() / 2)).empty());
  CHECK(parse_store_index("[1,{},{\"name\":\"../x\"},[]]").empty());
  write_contents(folder / ".index.json", "{");
  CHECK(store.list()->front().worst == "high");
  // One that claims another size is of another file.
  auto lies = parse_store_index(contents(folder / ".index.json"));
  REQUIRE(lies.size() == 1);
  lies[0].bytes += 1;
  lies[0].worst = "low";
  write_contents(folder / ".index.json", store_index_json(lies));
  CHECK(store.list()->front().worst == "high");
}

TEST_CASE("a store that is not there is not found, and one without a place is a usage error") {
  TemporaryFolder folder;
  CHECK(ArchiveStore::open(folder / "none", false).error().code == ErrorCode::kNotFound);
  CHECK(ArchiveStore::open("", true).error().code == ErrorCode::kUsage);
  write_contents(folder / "file", "");
  CHECK_FALSE(ArchiveStore::open(folder / "file", true));
}
