// Archives whose writer was killed, whose disk was full, whose reader went away.
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <functional>
#include <random>

#include "collector/archive/reader.h"
#include "collector/archive/writer.h"
#include "tests/support/place.h"
#include "tests/unit/archive/temporary_folder.h"

using namespace ec;

namespace {

const ArchiveFormat kFormats[] = {ArchiveFormat::kTarZst, ArchiveFormat::kTarGz, ArchiveFormat::kZip};

WriterOptions options(const std::string& output, ArchiveFormat format) {
  WriterOptions chosen;
  chosen.output = output;
  chosen.folder = "incident-host-app-42-20261120T214638Z";
  chosen.format = format;
  return chosen;
}

// Bytes that do not compress, the same for the same seed.
std::string noise(size_t size, uint32_t seed) {
  std::mt19937 random(seed);
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}
size_t size_of(uint32_t i) { return (i * 7919) % 40'000; }

// Runs `body` in a child; what it writes to the descriptor comes back with its wait status.
struct Ended {
  std::string said;
  int status = -1;
};
Ended in_child(const std::function<void(int)>& body) {
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    close(ends[0]);
    alarm(30);
    body(ends[1]);
    _exit(0);
  }
  close(ends[1]);
  Ended ended;
  char buffer[4096];
  ssize_t got;
  while ((got = read(ends[0], buffer, sizeof buffer)) > 0) ended.said.append(buffer, static_cast<size_t>(got));
  close(ends[0]);
  waitpid(child, &ended.status, 0);
  return ended;
}

void say(int fd, const std::string& line) {
  if (write(fd, (line + "\n").data(), line.size() + 1) < 0) _exit(9);
}

// A child that adds artifacts for ever and tells each that is in; killed after `acknowledged` of them.
uint32_t write_until_killed(const WriterOptions& chosen, uint32_t acknowledged, uint32_t spin) {
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    alarm(30);
    auto writer = ArchiveWriter::create(chosen);
    if (!writer) _exit(1);
    for (uint32_t i = 0; i < 2000; ++i) {
      ArtifactRow row;
      row.path = "raw/" + std::to_string(i);
      if (!(*writer)->add(row, noise(size_of(i), i))) _exit(2);
      if (write(ends[1], "x", 1) != 1) _exit(3);
      if (i % 16 == 7) (*writer)->checkpoint();
    }
    pause();
  }
  close(ends[1]);
  uint32_t count = 0;
  char byte;
  while (count < acknowledged && read(ends[0], &byte, 1) == 1) ++count;
  std::mt19937 burn;  // to be anywhere within the next add()
  burn.discard(spin);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  while (read(ends[0], &byte, 1) == 1) ++count;
  close(ends[0]);
  return count;
}

}  // namespace

TEST_CASE("after kill -9 every artifact whose add() returned is there and verifies") {
  std::mt19937 random(42);
  for (int round = 0; round < 45; ++round) {
    ArchiveFormat format = kFormats[round % 3];
    TemporaryFolder folder;
    WriterOptions chosen = options(folder.path(), format);
    uint32_t count =
        write_until_killed(chosen, static_cast<uint32_t>(random() % 40), static_cast<uint32_t>(random() % 3'000'000));
    std::string path = folder / (chosen.folder + std::string(extension(format)) + ".partial");
    INFO("round " << round << ", " << count << " artifacts, " << path);
    auto archive = open_archive(path);
    if (!archive) {
      REQUIRE(count == 0);  // killed before the first frame was whole
      continue;
    }
    CHECK(!archive->finished);
    for (uint32_t i = 0; i < count; ++i) {
      auto bytes = archive->store.read("raw/" + std::to_string(i));
      REQUIRE(bytes);
      REQUIRE(*bytes == noise(size_of(i), i));
    }
    Verification verification = verify(*archive);
    CHECK(verification.hashes_right >= count);
    CHECK(verification.problems.empty());
    CHECK(verification.unlisted.empty());
    CHECK((count == 0 || archive->target.pid == 42));
  }
}

TEST_CASE("plain tar reads what a killed run left") {
  TemporaryFolder folder;
  WriterOptions chosen = options(folder.path(), ArchiveFormat::kTarGz);
  uint32_t count = write_until_killed(chosen, 20, 0);
  std::string listed = output_of("tar -tzf " + folder.path() + "/*.partial");
  for (uint32_t i = 0; i < count; ++i) CHECK(listed.find("/raw/" + std::to_string(i) + "\n") != std::string::npos);
}

// In a mount namespace of its own.
static bool mount_tmpfs(const std::string& at, const char* options) {
  return test::enter_mount_namespace() && mount("scratch", at.c_str(), "tmpfs", 0, options) == 0;
}
static void not_mounted_here() { test::not_run_here("needs root or user namespaces"); }

TEST_CASE("a full disk costs the large artifacts only") {
  for (ArchiveFormat format : kFormats) {
    TemporaryFolder folder;
    Ended ended = in_child([&](int fd) {
      if (!mount_tmpfs(folder.path(), "size=1024k")) return say(fd, "no mount");
      auto writer = ArchiveWriter::create(options(folder.path(), format));
      if (!writer) return say(fd, "create: " + writer.error().message());
      ArtifactRow small, large, summary;
      small.path = "raw/small", large.path = "raw/large", summary.path = "summary.md";
      for (uint32_t i = 0; i < 200; ++i) {  // until the reserve is reached
        ArtifactRow row;
        row.path = "raw/" + std::to_string(i);
        auto added = (*writer)->add(row, noise(20'000, i));
        if (added) continue;
        say(fd, "refused " + std::to_string(i) + " " + std::string(to_string(added.error().code)) + " " + row.reason);
        break;
      }
      if ((*writer)->add(large, noise(5 << 20, 1))) say(fd, "large fits?");
      if (auto added = (*writer)->add(summary, noise(60'000, 2), Importance::kEssential); !added)
        say(fd, "summary refused: " + added.error().message());
      if (auto done = (*writer)->finish(manifest_json(Snapshot{}, (*writer)->rows(), false)); !done)
        say(fd, "finish: " + done.error().message());
      auto archive = open_archive((*writer)->path());
      if (!archive) return say(fd, "open: " + archive.error().message());
      Verification verification = verify(*archive);
      if (!verification.problems.empty()) say(fd, "verify: " + verification.problems[0]);
      if (!archive->damage.empty()) say(fd, "damage: " + archive->damage);
      say(fd, archive->store.read("summary.md") ? "summary is there" : "no summary");
      say(fd, archive->store.read("raw/large").error().detail);
    });
    if (ended.said == "no mount\n") return not_mounted_here();
    INFO(ended.said);
    CHECK(ended.status == 0);
    CHECK(ended.said.find("refused ") == 0);
    CHECK(ended.said.find("no-space not stored: ") != std::string::npos);
    CHECK(ended.said.find("scratch mounted on " + folder.path() + " (tmpfs)") != std::string::npos);
    CHECK(ended.said.find("summary is there") != std::string::npos);
    CHECK(ended.said.find("summary refused: ") == std::string::npos);
    CHECK(ended.said.find("finish: ") == std::string::npos);
    CHECK(ended.said.find("verify: ") == std::string::npos);
    CHECK(ended.said.find("damage: ") == std::string::npos);
    CHECK(ended.said.find("large fits?") == std::string::npos);
  }
}

TEST_CASE("a disk that is full from the start is told by name, and nothing is left on it") {
  TemporaryFolder folder;
  Ended ended = in_child([&](int fd) {
    if (!mount_tmpfs(folder.path(), "size=4k")) return say(fd, "no mount");
    std::ofstream(folder / "filler") << std::string(4096, 'x') << std::flush;
    auto writer = ArchiveWriter::create(options(folder.path(), ArchiveFormat::kTarZst));
    say(fd, writer ? "created?" : std::string(to_string(writer.error().code)) + " " + writer.error().message());
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) say(fd, entry.path().filename());
  });
  if (ended.said == "no mount\n") return not_mounted_here();
  INFO(ended.said);
  CHECK(ended.said.find("no-space ") == 0);
  CHECK(ended.said.find("scratch mounted on") != std::string::npos);
  CHECK(ended.said.find("partial\n") == std::string::npos);
}

TEST_CASE("a device that takes nothing") {
  int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  REQUIRE(full >= 0);
  WriterOptions chosen = options("-", ArchiveFormat::kTarZst);
  chosen.stdout_fd = full;
  auto writer = ArchiveWriter::create(chosen);
  REQUIRE(!writer);
  CHECK(writer.error().code == ErrorCode::kNoSpace);
  close(full);
}

TEST_CASE("what matters least is left out first, and checkpoints do not eat the reserve") {
  TemporaryFolder folder;
  Ended ended = in_child([&](int fd) {
    if (!mount_tmpfs(folder.path(), "size=1024k")) return say(fd, "no mount");
    auto writer = ArchiveWriter::create(options(folder.path(), ArchiveFormat::kTarZst));
    if (!writer) return say(fd, "create: " + writer.error().message());
    ArtifactRow first, low, normal, summary;
    first.path = "raw/first", low.path = "raw/low", normal.path = "raw/normal", summary.path = "summary.md";
    say(fd, (*writer)->add(first, noise(560'000, 1)) ? "first" : "no first");
    say(fd, (*writer)->add(low, noise(20'000, 2), Importance::kLow) ? "low?" : "no low");
    say(fd, (*writer)->add(normal, noise(20'000, 3)) ? "normal" : "no normal");
    for (int i = 0; i < 3000; ++i) {
      ArtifactRow row;
      row.path = "raw/none/" + std::to_string(i);
      row.status = Status::kFailed;
      for (unsigned char c : noise(80, static_cast<uint32_t>(i)))
        row.reason += static_cast<char>('!' + c % 90);  // does not compress well
      (void)(*writer)->add(row, "");
      if (i % 100 == 0) (*writer)->checkpoint();
    }
    say(fd, (*writer)->add(summary, noise(100'000, 4), Importance::kEssential) ? "summary" : "no summary");
  });
  if (ended.said == "no mount\n") return not_mounted_here();
  CHECK(ended.said == "first\nno low\nnormal\nsummary\n");
}

TEST_CASE("a write that fails half-way is taken back") {
  // RLIMIT_FSIZE lets the first part of a write through, like a disk that fills up in the middle of it.
  for (ArchiveFormat format : kFormats) {
    TemporaryFolder folder;
    Ended ended = in_child([&](int fd) {
      auto writer = ArchiveWriter::create(options(folder.path(), format));
      if (!writer) return say(fd, "create: " + writer.error().message());
      ArtifactRow first, large, small;
      first.path = "raw/first", large.path = "raw/large", small.path = "raw/small";
      if (!(*writer)->add(first, noise(1000, 1))) say(fd, "first");
      rlimit limit{20'000, 20'000};
      setrlimit(RLIMIT_FSIZE, &limit);
      auto added = (*writer)->add(large, noise(50'000, 2));
      say(fd, added ? "large fits?" : added.error().message());
      if (!(*writer)->add(small, noise(500, 3))) say(fd, "small");
      if (!(*writer)->finish(manifest_json(Snapshot{}, (*writer)->rows(), false))) say(fd, "finish");
      auto archive = open_archive((*writer)->path());
      if (!archive) return say(fd, "open: " + archive.error().message());
      say(fd, verify(*archive).hashes_right == 2 && archive->damage.empty() ? "both verify" : "damaged");
    });
    INFO(ended.said);
    CHECK(ended.status == 0);
    CHECK(ended.said.find("File too large\nboth verify\n") != std::string::npos);
  }
}

TEST_CASE("a stream to a reader, and to one that goes away") {
  for (ArchiveFormat format : kFormats) {
    TemporaryFolder folder;
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    WriterOptions chosen = options("-", format);
    chosen.stdout_fd = ends[1];
    auto writer = ArchiveWriter::create(chosen);
    REQUIRE(writer);
    CHECK((*writer)->path() == "-");
    ArtifactRow row;
    row.path = "raw/a";
    REQUIRE((*writer)->add(row, "streamed"));
    REQUIRE((*writer)->finish(manifest_json(Snapshot{}, (*writer)->rows(), true)));
    close(ends[1]);
    std::string bytes(60'000, '\0');
    ssize_t got = read(ends[0], bytes.data(), bytes.size());
    close(ends[0]);
    bytes.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
    write_contents(folder / "streamed", bytes);
    auto archive = open_archive(folder / "streamed");
    REQUIRE(archive);
    CHECK(archive->finished);
    CHECK(archive->store.read("raw/a").value() == "streamed");

    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    chosen.stdout_fd = ends[1];
    auto lonely = ArchiveWriter::create(chosen);
    REQUIRE(lonely);
    close(ends[0]);
    auto added = (*lonely)->add(row, "to nobody");  // the test would die of SIGPIPE here
    REQUIRE(!added);
    CHECK(added.error().sys_errno == EPIPE);
    CHECK(!(*lonely)->finish("{}"));
    close(ends[1]);
    sigset_t pending;
    sigpending(&pending);
    CHECK(sigismember(&pending, SIGPIPE) == 0);
  }
}
