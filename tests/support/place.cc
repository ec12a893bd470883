#include "tests/support/place.h"

#include <linux/perf_event.h>
#include <sched.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>

#include "tests/support/program.h"

namespace ec::test {

namespace {

constexpr int kNobody = 65534;

// In a child, whose end undoes it.
bool may(bool (*action)()) {
  ProgramSettings settings;
  settings.in_child = [action] {
    if (!action()) _exit(1);
  };
  return run_program({"true"}, settings).exit_code == 0;
}

bool own_mounts() { return mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0; }

}  // namespace

// tests/CMakeLists.txt and scripts/test look for these words.
void not_run_here(const std::string& reason) {
  std::printf("not run here: %s\n", reason.c_str());
  std::fflush(stdout);
}

bool is_root() { return getuid() == 0; }

bool has_thread_sanitizer() {
#ifdef __SANITIZE_THREAD__
  return true;
#else
  return false;
#endif
}

bool has_sanitizer() {
#ifdef __SANITIZE_ADDRESS__
  return true;
#else
  return has_thread_sanitizer();
#endif
}

bool user_namespaces_work() { return run_program({"unshare", "--user", "true"}).exit_code == 0; }

bool may_mount() {
  TempDir at;
  return mount("tmpfs", at.path().c_str(), "tmpfs", 0, "size=4k") == 0 && umount2(at.path().c_str(), MNT_DETACH) == 0;
}

bool may_change_root() {
  return may([] { return chroot("/") == 0; });
}

bool may_become_nobody() {
  return may([] { return setgid(kNobody) == 0 && setuid(kNobody) == 0; });
}

bool may_read_kernel_log() {
  constexpr int kReadAll = 3;
  char last[1];
  return klogctl(kReadAll, last, sizeof last) >= 0;
}

bool may_count_events() {
  perf_event_attr attributes{};
  attributes.size = sizeof attributes;
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.config = PERF_COUNT_SW_CPU_CLOCK;
  const auto fd = static_cast<int>(syscall(SYS_perf_event_open, &attributes, getppid(), -1, -1, PERF_FLAG_FD_CLOEXEC));
  if (fd >= 0) close(fd);
  return fd >= 0;
}

bool enter_mount_namespace() {
  const std::string uid = std::to_string(getuid()), gid = std::to_string(getgid());
  if (unshare(CLONE_NEWNS) == 0) return own_mounts();
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  write_text("/proc/self/setgroups", "deny");
  write_text("/proc/self/uid_map", "0 " + uid + " 1");
  write_text("/proc/self/gid_map", "0 " + gid + " 1");
  return is_root() && own_mounts();
}

}  // namespace ec::test
