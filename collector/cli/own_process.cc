#include "collector/cli/own_process.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "collector/base/sha256.h"
#include "collector/base/text.h"
#include "collector/base/unique_fd.h"
#include "collector/collectors/collector.h"

namespace ec {

namespace {

constexpr int kIdlePriority = 3 << 13;  // IOPRIO_CLASS_IDLE, ioprio_set(2)
constexpr int kIoprioWhoProcess = 1;
constexpr int kNice = 5;
constexpr uint64_t kLongestSliceNs = 100'000'000;  // the kernel's limit, sched/syscalls.c

// What each capability that matters here lets see.
constexpr std::array<std::string_view, 5> kWanted{
    "CAP_SYS_PTRACE: stacks, memory maps, environment and descriptors of other users' processes",
    "CAP_SYS_ADMIN: kernel stacks, deleted binaries through map_files, other namespaces",
    "CAP_SYSLOG: the kernel log",
    "CAP_NET_ADMIN: socket memory of other users",
    "CAP_DAC_READ_SEARCH: logs and files of other users",
};

// sched_setattr(2); neither glibc 2.36 nor its headers have it.
struct SchedAttr {
  uint32_t size = sizeof(SchedAttr);
  uint32_t policy = SCHED_OTHER;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime_ns = 0;
  uint64_t deadline_ns = 0;
  uint64_t period_ns = 0;
};

// Since Linux 6.12 an ordinary task may ask for long slices: whoever wakes up with a shorter one takes the CPU from it
// at once, and our share of a busy CPU stays what the nice value says. Older kernels take the call and change nothing.
bool give_way_to_who_wakes_up() {
  SchedAttr wanted;
  wanted.nice = kNice;
  wanted.runtime_ns = kLongestSliceNs;
  SchedAttr got;
  return syscall(SYS_sched_setattr, 0, &wanted, 0) == 0 && syscall(SYS_sched_getattr, 0, &got, sizeof got, 0) == 0 &&
         got.runtime_ns == kLongestSliceNs;
}

// With helpers on every CPU, a thread of the target that wakes up waits for the end of their slice. Half of the CPUs
// that we may use, the upper ones, are enough for us; helpers inherit it.
void keep_to_half_of_the_cpus() {
  cpu_set_t allowed, ours;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  int left = CPU_COUNT(&allowed) / 2;
  CPU_ZERO(&ours);
  for (int cpu = CPU_SETSIZE - 1; cpu >= 0 && left > 0; --cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    CPU_SET(cpu, &ours);
    --left;
  }
  if (CPU_COUNT(&ours) > 0) sched_setaffinity(0, sizeof ours, &ours);
}

std::string elf_note_build_id(const char* bytes, size_t size) {
  constexpr size_t kHead = sizeof(ElfW(Nhdr));
  auto aligned = [](size_t n) { return (n + 3) & ~size_t{3}; };
  for (size_t at = 0; at + kHead <= size;) {
    ElfW(Nhdr) note;
    std::memcpy(&note, bytes + at, kHead);
    size_t name = at + kHead, descriptor = name + aligned(note.n_namesz);
    if (descriptor + note.n_descsz > size) return {};
    if (note.n_type == NT_GNU_BUILD_ID) return to_hex(std::string_view(bytes + descriptor, note.n_descsz));
    at = descriptor + aligned(note.n_descsz);
  }
  return {};
}

}  // namespace

void occupy_standard_descriptors() {
  int lowest;
  do lowest = open("/", O_PATH);  // there even where /dev/null is not
  while (lowest >= 0 && lowest <= STDERR_FILENO);
  if (lowest >= 0) close(lowest);
}

void spare_ourselves(pid_t target, RunOptions& options) {
  if (target == getpid() && options.stacks != StackMode::kNone) options.stacks = StackMode::kNoStop;
}

void be_modest() {
  UniqueFd oom(open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  if (oom) {
    [[maybe_unused]] ssize_t written = write(oom.get(), "1000", 4);
  }
  // Every mapped file of the target may be open at once.
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  setpriority(PRIO_PROCESS, 0, kNice);
  if (!give_way_to_who_wakes_up()) keep_to_half_of_the_cpus();
  syscall(SYS_ioprio_set, kIoprioWhoProcess, 0, kIdlePriority);
}

std::vector<std::string> missing_privileges(const OwnPrivileges& own) {
  std::vector<std::string> missing;
  for (std::string_view wanted : kWanted)
    if (!own.holds(wanted.substr(0, wanted.find(':')))) missing.emplace_back(wanted);
  return missing;
}

CollectorCost own_cost(double wall_seconds) {
  rusage self{}, children{};
  getrusage(RUSAGE_SELF, &self);
  getrusage(RUSAGE_CHILDREN, &children);
  auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  CollectorCost cost;
  cost.wall_seconds = wall_seconds;
  cost.cpu_seconds =
      seconds(self.ru_utime) + seconds(self.ru_stime) + seconds(children.ru_utime) + seconds(children.ru_stime);
  cost.peak_rss_bytes = static_cast<uint64_t>(std::max(self.ru_maxrss, children.ru_maxrss)) * 1024;
  return cost;
}

std::string own_build_id() {
  std::string id;
  auto look = [](dl_phdr_info* info, size_t, void* result) {
    for (int i = 0; i < info->dlpi_phnum; ++i) {
      const auto& header = info->dlpi_phdr[i];
      if (header.p_type != PT_NOTE) continue;
      auto* bytes = reinterpret_cast<const char*>(info->dlpi_addr + header.p_vaddr);
      std::string found = elf_note_build_id(bytes, header.p_memsz);
      if (!found.empty()) {
        *static_cast<std::string*>(result) = found;
        return 1;
      }
    }
    return 1;  // the first object is the program itself
  };
  dl_iterate_phdr(look, &id);
  return id;
}

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

}  // namespace ec
