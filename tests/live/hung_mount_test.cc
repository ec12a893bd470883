// A FUSE filesystem whose server never answers: statfs(2) of it sleeps until the connection is aborted. The collection
// of the filesystems ends all the same, names the mount as hung and has the numbers of the others.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "collector/collectors/runner.h"
#include "tests/support/place.h"
#include "tests/support/program.h"

using namespace ec;

namespace {

// A process that sees `count` FUSE mounts nobody serves. Its end closes /dev/fuse, which aborts the connections and
// lets go whoever waits for an answer.
class StuckMounts {
 public:
  explicit StuckMounts(int count) {
    std::string pattern = (std::filesystem::temp_directory_path() / "hung-mount-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
    for (int i = 0; i < count; ++i) std::filesystem::create_directory(mount_point(i));
    int ready[2];
    REQUIRE(pipe2(ready, O_CLOEXEC) == 0);
    pid_ = fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) serve_nothing(count, ready[1]);
    close(ready[1]);
    mounted_ = read(ready[0], &waiter_, sizeof waiter_) == sizeof waiter_;
    close(ready[0]);
  }
  ~StuckMounts() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    std::filesystem::remove_all(folder_);
  }
  StuckMounts(const StuckMounts&) = delete;
  StuckMounts& operator=(const StuckMounts&) = delete;

  bool mounted() const { return mounted_; }
  pid_t pid() const { return pid_; }
  pid_t waiter() const { return waiter_; }  // sleeps in statfs(2) of the first mount
  std::string mount_point(int i) const { return folder_ + "/mount " + std::to_string(i); }

 private:
  [[noreturn]] void serve_nothing(int count, int ready) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!test::enter_mount_namespace()) _exit(1);
    for (int i = 0; i < count; ++i) {
      int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
      std::string options = "fd=" + std::to_string(fuse) + ",rootmode=40000,user_id=0,group_id=0";
      if (fuse < 0 || mount("stuck", mount_point(i).c_str(), "fuse.stuck", MS_NOSUID | MS_NODEV, options.c_str()) != 0)
        _exit(1);
    }
    pid_t waiter = fork();
    if (waiter == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      struct statfs space {};
      _exit(statfs(mount_point(0).c_str(), &space));
    }
    (void)!write(ready, &waiter, sizeof waiter);
    while (true) pause();
  }

  std::string folder_;
  pid_t pid_ = -1, waiter_ = -1;
  bool mounted_ = false;
};

void not_mounted_here() { test::not_run_here("needs /dev/fuse, and root or user namespaces"); }

struct Stored : RunnerListener {
  RawStore raw;
  void artifact(ArtifactRow row, std::string bytes, Redact) override { raw.add(std::move(row), std::move(bytes)); }
  void progress(const Collector&, Reading, Progress) override {}
};

const Collector& collector_named(std::string_view name) {
  const auto& table = collector_table();
  auto found = std::find_if(table.begin(), table.end(), [&](const Collector& c) { return c.name == name; });
  REQUIRE(found != table.end());
  return *found;
}

Snapshot collect(std::string_view name, const std::vector<Reading>& readings, const TargetIdentity& target,
                 RawStore& raw) {
  const Collector& collector = collector_named(name);
  RunOptions options;
  Stored stored;
  Runner runner(&target, options, Clock::now(), stored);
  std::vector<Step> steps;
  for (Reading reading : readings) steps.push_back({&collector, reading, {}});
  runner.start(std::move(steps), Deadline::in(std::chrono::seconds(20)));
  runner.pump(Deadline::in(std::chrono::seconds(20)), {}, [] { return false; });
  CHECK(runner.idle());
  Snapshot snapshot;
  snapshot.target.pid = target.pid;
  collector.parse(stored.raw, snapshot);
  raw = std::move(stored.raw);
  return snapshot;
}

Snapshot collect_filesystems(const TargetIdentity& target, RawStore& raw) {
  return collect("filesystems", {Reading::kFirst}, target, raw);
}

const Filesystem* at(const Snapshot& snapshot, const std::string& mount_point) {
  REQUIRE(snapshot.host.filesystems);
  for (const Filesystem& fs : *snapshot.host.filesystems)
    if (fs.mount_point == mount_point) return &fs;
  return nullptr;
}

}  // namespace

TEST_CASE("a mount that never answers is reported hung, and the others are there") {
  StuckMounts mounts(1);
  if (!mounts.mounted()) return not_mounted_here();
  auto target = identify(mounts.pid());
  REQUIRE(target);
  RawStore raw;
  Snapshot snapshot = collect_filesystems(*target, raw);

  const Filesystem* stuck = at(snapshot, mounts.mount_point(0));
  REQUIRE(stuck);
  CHECK(stuck->hung);
  CHECK(stuck->network);
  CHECK(stuck->type == "fuse.stuck");
  CHECK_FALSE(stuck->size_bytes);
  CHECK(stuck->size_bytes.why().code == ErrorCode::kTimeout);

  const Filesystem* root = at(snapshot, "/");
  REQUIRE(root);
  CHECK_FALSE(root->hung);
  CHECK(root->size_bytes.value_or(0) > 0);

  // The manifest names what hung.
  bool named = false;
  for (const std::string& path : raw.list("raw/filesystems")) {
    const ArtifactRow* row = raw.row(path);
    named |= row->status == Status::kTimeout && row->source.find(mounts.mount_point(0)) != std::string::npos;
  }
  CHECK(named);
}

TEST_CASE("after three hung mounts of one type the rest of them is not tried") {
  StuckMounts mounts(6);
  if (!mounts.mounted()) return not_mounted_here();
  auto target = identify(mounts.pid());
  REQUIRE(target);
  RawStore raw;
  Snapshot snapshot = collect_filesystems(*target, raw);

  int hung = 0, not_tried = 0;
  for (int i = 0; i < 6; ++i) {
    const Filesystem* fs = at(snapshot, mounts.mount_point(i));
    REQUIRE(fs);
    REQUIRE_FALSE(fs->size_bytes);
    hung += fs->hung;
    not_tried += fs->size_bytes.why().code == ErrorCode::kSkipped;
  }
  CHECK(hung == 3);
  CHECK(not_tried == 3);
  CHECK(at(snapshot, "/")->size_bytes.value_or(0) > 0);
}

TEST_CASE("the process that waits for the mount is seen blocked in both readings, with its kernel stack") {
  StuckMounts mounts(1);
  if (!mounts.mounted()) return not_mounted_here();
  auto waiter = identify(mounts.waiter());
  Deadline patience = Deadline::in(std::chrono::seconds(30));
  while (waiter && waiter->state != 'D' && !patience.passed()) {
    sched_yield();
    waiter = identify(mounts.waiter());
  }
  REQUIRE(waiter);
  REQUIRE(waiter->state == 'D');
  RawStore raw;
  Snapshot snapshot = collect("processes", {Reading::kFirst, Reading::kSecond}, *waiter, raw);
  REQUIRE(snapshot.host.blocked);
  const auto& blocked = *snapshot.host.blocked;
  auto found =
      std::find_if(blocked.begin(), blocked.end(), [&](const BlockedTask& task) { return task.pid == waiter->pid; });
  REQUIRE(found != blocked.end());
  CHECK(found->of_target);
  CHECK(found->in_both_readings);
  if (!test::read_text("/proc/self/stack").empty()) {
    auto of_fuse = [](const std::string& frame) { return frame.find("fuse") != std::string::npos; };
    CHECK(std::any_of(found->kernel_frames.begin(), found->kernel_frames.end(), of_fuse));
  }
}
