#include "collector/archive/writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "collector/archive/output_file.h"
#include "collector/archive/reader.h"
#include "tests/unit/archive/temporary_folder.h"

using namespace ec;

namespace {

constexpr const char* kFolder = "incident-host-app-42-20261120T214638Z";
const ArchiveFormat kFormats[] = {ArchiveFormat::kTarZst, ArchiveFormat::kTarGz, ArchiveFormat::kZip};

WriterOptions options(const std::string& output, ArchiveFormat format = ArchiveFormat::kTarZst) {
  WriterOptions chosen;
  chosen.output = output;
  chosen.folder = kFolder;
  chosen.format = format;
  return chosen;
}

ArtifactRow row(const std::string& path, Status status = Status::kOk, const std::string& reason = "") {
  ArtifactRow made;
  made.path = path;
  made.source = "/proc/42/x";
  made.collector = "test";
  made.status = status;
  made.reason = reason;
  made.at_ms = 1.5;
  made.redactions = 2;
  return made;
}

Snapshot snapshot() {
  Snapshot made;
  made.run.version = "0.1.0";
  made.run.build_id = "abcd";
  made.run.started_wall_ns = 1'795'211'198'123'000'000;
  made.run.finished_wall_ns = made.run.started_wall_ns + 1'000'000'000;
  made.run.options["pid"] = "42";
  made.run.privileges_missing = {"CAP_SYS_PTRACE: stacks"};
  made.host.name = "host";
  made.host.boot_id = "0a1b";
  made.host.kernel = "6.1.0";
  made.target = TargetInfo{42, 123, "2026-11-20T00:00:00Z", "app", "/usr/bin/app", "ef01", std::nullopt};
  Stacks stacks;
  stacks.pause.mode = "auto";
  stacks.pause.stop_us = 17;
  made.stacks = stacks;
  return made;
}

// The bytes of one member as plain tools give them.
std::string with_plain_tools(ArchiveFormat format, const std::string& archive, const std::string& member) {
  std::string name = std::string(kFolder) + "/" + member;
  switch (format) {
    case ArchiveFormat::kTarZst:
      return output_of("tar --zstd -xOf " + archive + " " + name);
    case ArchiveFormat::kTarGz:
      return output_of("tar -xzOf " + archive + " " + name);
    case ArchiveFormat::kZip:
      break;
  }
  return output_of(
      "python3 -c \"import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; "
      "sys.stdout.buffer.write(z.read(sys.argv[2]))\" " +
      archive + " " + name);
}

}  // namespace

TEST_CASE("what goes in comes out, in all formats and with plain tools") {
  for (ArchiveFormat format : kFormats) {
    INFO(extension(format));
    TemporaryFolder folder;
    auto writer = ArchiveWriter::create(options(folder.path(), format));
    REQUIRE(writer);
    CHECK((*writer)->path() == folder / (kFolder + std::string(extension(format)) + ".partial"));
    struct stat about {};
    REQUIRE(stat((*writer)->path().c_str(), &about) == 0);
    CHECK((about.st_mode & 07777) == 0600);

    std::string big;
    for (int i = 0; i < 200'000; ++i) big += std::to_string(i * 7919) + "\n";
    ArtifactRow first = row("raw/proc/42/status"), second = row("raw/big"),
                third = row("raw/empty", Status::kPartial, "cut"),
                fourth = row("raw/denied", Status::kFailed, "needs CAP_SYS_PTRACE");
    REQUIRE((*writer)->add(first, "Name:\tapp\n"));
    (*writer)->checkpoint();
    REQUIRE((*writer)->add(second, big));
    REQUIRE((*writer)->add(third, ""));
    REQUIRE((*writer)->add(fourth, "not stored"));
    CHECK(first.bytes == 10);
    CHECK(first.sha256.size() == 64);
    CHECK(fourth.bytes == 0);
    (*writer)->checkpoint();
    REQUIRE((*writer)->finish(manifest_json(snapshot(), (*writer)->rows(), true)));
    std::string path = (*writer)->path();
    CHECK(path == folder / (kFolder + std::string(extension(format))));
    CHECK(!std::filesystem::exists(path + ".partial"));

    CHECK(with_plain_tools(format, path, "raw/proc/42/status") == "Name:\tapp\n");
    CHECK(with_plain_tools(format, path, "raw/big") == big);
    CHECK(nlohmann::json::parse(with_plain_tools(format, path, "manifest.json"))["artifacts"].size() == 4);

    auto archive = open_archive(path);
    REQUIRE(archive);
    CHECK(archive->folder == kFolder);
    CHECK(archive->finished);
    CHECK(archive->complete);
    CHECK(archive->damage.empty());
    CHECK(archive->store.read("raw/big").value() == big);
    CHECK(archive->store.read("raw/denied").error().detail == "needs CAP_SYS_PTRACE");
    REQUIRE(archive->rows.size() == 4);
    CHECK(archive->rows[0].sha256 == first.sha256);
    CHECK(archive->rows[0].collector == "test");
    CHECK(archive->rows[0].at_ms == 1.5);
    CHECK(archive->rows[0].redactions == 2);
    CHECK(archive->rows[2].status == Status::kPartial);
    CHECK(archive->target.pid == 42);
    CHECK(archive->target.exe == "/usr/bin/app");
    CHECK(archive->run.started_wall_ns == snapshot().run.started_wall_ns);
    CHECK(archive->run.options.at("pid") == "42");
    CHECK(archive->run.privileges_missing.size() == 1);
    CHECK(archive->kernel == "6.1.0");
    Verification verification = verify(*archive);
    CHECK(verification.artifacts == 3);
    CHECK(verification.hashes_right == 3);
    CHECK(verification.problems.empty());
    CHECK(verification.unlisted.empty());
  }
}

TEST_CASE("tar lists and extracts without a word of warning") {
  for (ArchiveFormat format : {ArchiveFormat::kTarZst, ArchiveFormat::kTarGz}) {
    TemporaryFolder folder;
    auto writer = ArchiveWriter::create(options(folder.path(), format));
    ArtifactRow one = row("raw/a"), two = row(std::string(230, 'n'));
    REQUIRE((*writer)->add(one, "a"));
    REQUIRE((*writer)->add(two, "b"));
    REQUIRE((*writer)->finish("{}"));
    std::string decompress = format == ArchiveFormat::kTarZst ? "--zstd" : "-z", path = (*writer)->path();
    int status = -1;
    CHECK(output_of("tar " + decompress + " -tf " + path, &status) ==
          std::string(kFolder) + "/\n" + kFolder + "/raw/a\n" + kFolder + "/" + std::string(230, 'n') + "\n" + kFolder +
              "/journal.jsonl\n" + kFolder + "/manifest.json\n");
    CHECK(status == 0);
    CHECK(output_of("tar -C " + folder.path() + " " + decompress + " -xf " + path, &status).empty());
    CHECK(status == 0);
    // An unpacked archive is read as well.
    auto unpacked = open_archive(folder / kFolder);
    REQUIRE(unpacked);
    CHECK(unpacked->folder == kFolder);
    CHECK(unpacked->store.read("raw/a").value() == "a");
  }
}

TEST_CASE("manifest.json has the fields of the contract") {
  Snapshot made = snapshot();
  made.target.death = TargetDeath{"killed by SIGKILL", 12.5, "oom_kill rose"};
  made.run.interrupted = true;
  made.run.interrupted_by = "SIGINT";
  std::vector<ArtifactRow> rows{row("a"), row("b\xff", Status::kTimeout, "slow \x1b[31m")};
  auto json = nlohmann::json::parse(manifest_json(made, rows, false));
  CHECK(json["schema"] == "emergency-collect/1");
  CHECK(json["collector"]["version"] == "0.1.0");
  CHECK(json["collector"]["build_id"] == "abcd");
  CHECK(json["host"] == nlohmann::json{{"name", "host"}, {"boot_id", "0a1b"}, {"kernel", "6.1.0"}});
  for (const char* name : {"pid", "start_time", "comm", "exe", "build_id"}) CHECK(json["target"].contains(name));
  CHECK(json["started"] == "2026-11-20T21:46:38.123Z");
  CHECK(json["finished"] == "2026-11-20T21:46:39.123Z");
  CHECK(json["complete"] == false);
  CHECK(json["interrupted"] == true);
  CHECK(json["redacted"] == true);
  CHECK(json["target_death"]["how"] == "killed by SIGKILL");
  for (const char* name : {"mode", "budget_us", "stop_us", "worst_thread_us", "threads_stopped",
                           "threads_read_without_stop", "syscalls_interrupted"})
    CHECK(json["pause"].contains(name));
  REQUIRE(json["artifacts"].size() == 2);
  for (const char* name :
       {"path", "source", "status", "reason", "fix", "bytes", "sha256", "at_ms", "took_ms", "redactions"})
    CHECK(json["artifacts"][0].contains(name));
  CHECK(json["artifacts"][1]["status"] == "timeout");
  CHECK(nlohmann::json::parse(manifest_json(made, {}, false))["artifacts"].empty());
}

TEST_CASE("names: a taken one gets a number, a path is used as it is, links are not followed") {
  TemporaryFolder folder;
  std::string asked = folder / "mine.tar.zst";
  for (const char* expected : {"mine.tar.zst", "mine-2.tar.zst", "mine-3.tar.zst"}) {
    auto writer = ArchiveWriter::create(options(asked));
    REQUIRE(writer);
    REQUIRE((*writer)->finish("{}"));
    CHECK((*writer)->path() == folder / expected);
  }
  // The format stays as asked for.
  auto zip = ArchiveWriter::create(options(folder / "odd.bin", ArchiveFormat::kZip));
  REQUIRE((*zip)->finish("{}"));
  CHECK((*zip)->path() == folder / "odd.bin");
  CHECK(open_archive(folder / "odd.bin")->finished);

  write_contents(folder / "victim", "untouched");
  symlink((folder / "victim").c_str(), (folder / "link.zip.partial").c_str());
  auto linked = ArchiveWriter::create(options(folder / "link.zip"));
  REQUIRE(linked);
  CHECK((*linked)->path() == folder / "link-2.zip.partial");
  CHECK(contents(folder / "victim") == "untouched");

  // Taken while the archive was being written.
  auto late = ArchiveWriter::create(options(folder / "late.tar.gz"));
  write_contents(folder / "late.tar.gz", "somebody else's");
  REQUIRE((*late)->finish("{}"));
  CHECK((*late)->path() == folder / "late-2.tar.gz");
  CHECK(contents(folder / "late.tar.gz") == "somebody else's");
}

TEST_CASE("destinations that cannot be") {
  TemporaryFolder folder;
  auto missing = ArchiveWriter::create(options(folder / "no/such/x.tar.zst"));
  REQUIRE(!missing);
  CHECK(missing.error().code == ErrorCode::kNotFound);
  CHECK(missing.error().message().find("no/such") != std::string::npos);
  CHECK(ArchiveWriter::create(options(folder / "none/")).error().code == ErrorCode::kNotFound);
  CHECK(ArchiveWriter::create(options("/dev/null")).error().code == ErrorCode::kUsage);
  auto proc = ArchiveWriter::create(options("/proc/"));
  REQUIRE(!proc);
  CHECK(proc.error().message().find("mounted on /proc (proc)") != std::string::npos);
}

TEST_CASE("paths of artifacts become names that every system can extract") {
  TemporaryFolder folder;
  auto writer = ArchiveWriter::create(options(folder.path()));
  const std::pair<std::string, std::string> cases[] = {
      {"raw/proc/42/maps", "raw/proc/42/maps"},
      {"../../etc/passwd", "%2E%2E/%2E%2E/etc/passwd"},
      {"/absolute//x/./y", "absolute/x/y"},
      {"a\nb\x1b\\ \xc3\xa9", "a%0Ab%1B%5C%20%C3%A9"},
      {"profiles/127.0.0.1:6060/heap.pb.gz", "profiles/127.0.0.1:6060/heap.pb.gz"},
      {"", "unnamed"},
  };
  for (const auto& [given, expected] : cases) {
    ArtifactRow made = row(given);
    REQUIRE((*writer)->add(made, given));
    CHECK(made.path == expected);
  }
  ArtifactRow one = row(std::string(5000, 'x') + "1"), two = row(std::string(5000, 'x') + "2");
  REQUIRE((*writer)->add(one, "1"));
  REQUIRE((*writer)->add(two, "2"));
  CHECK(one.path.size() <= 240);
  CHECK(one.path != two.path);
  REQUIRE((*writer)->finish(manifest_json(snapshot(), (*writer)->rows(), true)));
  auto archive = open_archive((*writer)->path());
  CHECK(verify(*archive).hashes_right == 8);
}

TEST_CASE("the device of an error") {
  std::string mountinfo =
      "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
      "30 22 0:26 / /mnt/a\\040b rw - tmpfs tmpfs rw,size=1024k\n"
      "31 22 8:1 /x /srv rw master:2 - ext4 /dev/sda1 rw\n"
      "broken line\n";
  CHECK(filesystem_from(mountinfo, 8, 1, "/var/x") == "/dev/sda1 mounted on / (ext4)");
  CHECK(filesystem_from(mountinfo, 8, 1, "/srv/x") == "/dev/sda1 mounted on /srv (ext4)");
  CHECK(filesystem_from(mountinfo, 8, 1, "/srvx") == "/dev/sda1 mounted on / (ext4)");
  CHECK(filesystem_from(mountinfo, 0, 26, "/mnt/a b/c") == "tmpfs mounted on /mnt/a b (tmpfs)");
  CHECK(filesystem_from(mountinfo, 9, 9, "/x").empty());
  CHECK(filesystem_from("", 8, 1, "/x").empty());
}
