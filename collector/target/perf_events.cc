#include "collector/target/perf_events.h"

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <ctime>

namespace ec {

namespace {

constexpr size_t kAllRings = size_t{32} << 20, kLargestRing = size_t{4} << 20, kSmallestRing = size_t{64} << 10;
constexpr uint32_t kLargestStack = 32 * 1024, kSmallestStack = 4 * 1024;   // a record holds less than 64 KiB
constexpr rlim_t kDescriptorsForOthers = 512, kMostEvents = 16'384;        // an event takes about 1.5 KiB of the kernel
constexpr uint64_t kMostFaultsTaken = 32, kMostFaultsASample = 16 * 1024;  // of a CPU between two drains, 50 ms apart
constexpr const char* kWhere = "perf_event_open";

size_t ring_bytes(size_t cpus) {
  size_t size = kLargestRing;
  while (size > kSmallestRing && size * cpus > kAllRings) size /= 2;
  return size;
}

// A ring that holds 32 samples holds those of a third of a second.
uint32_t stack_for_ring(size_t ring) {
  return std::clamp(static_cast<uint32_t>(ring / 32), kSmallestStack, kLargestStack);
}

size_t page() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

rlim_t most_events() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return kDescriptorsForOthers;
  rlim_t spare =
      files.rlim_cur > 2 * kDescriptorsForOthers ? files.rlim_cur - kDescriptorsForOthers : files.rlim_cur / 2;
  return std::min(spare, kMostEvents);
}

}  // namespace

PerfEvents::Ring::Mapping::Mapping(Mapping&& other) noexcept
    : memory(std::exchange(other.memory, nullptr)), size(other.size) {}

PerfEvents::Ring::Mapping::~Mapping() {
  if (memory) munmap(memory, size);
}

Result<UniqueFd> PerfEvents::open_event(pid_t tid, int cpu) const {
  perf_event_attr attr{};
  attr.size = sizeof attr;
  attr.type = cycles_ ? PERF_TYPE_HARDWARE : PERF_TYPE_SOFTWARE;
  attr.config = cycles_                               ? uint64_t{PERF_COUNT_HW_CPU_CYCLES}
                : event_ == SampledEvent::kPageFaults ? uint64_t{PERF_COUNT_SW_PAGE_FAULTS}
                                                      : uint64_t{PERF_COUNT_SW_CPU_CLOCK};
  if (event_ == SampledEvent::kPageFaults) {
    // Faults come in bursts: with a frequency the kernel's guess of the period would weigh them wrongly.
    attr.sample_period = faults_a_sample_;
  } else {
    attr.freq = 1;
    attr.sample_freq = kSamplesPerSecond;
  }
  attr.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER |
                     (form().callchain ? uint64_t{PERF_SAMPLE_CALLCHAIN} : 0) |
                     uint64_t{form().address ? PERF_SAMPLE_ADDR : PERF_SAMPLE_PERIOD};
  attr.sample_regs_user = kSampledRegisters;
  attr.sample_stack_user = stack_bytes_;
  attr.inherit = 1;
  attr.inherit_thread = threads_only_;
  attr.exclude_kernel = !kernel_;
  attr.exclude_hv = 1;
  attr.exclude_callchain_user = 1;
  attr.task = 1;  // records of new threads
  attr.mmap = 1;  // and of newly mapped code
  attr.use_clockid = 1;
  attr.clockid = CLOCK_MONOTONIC;
  long fd = syscall(SYS_perf_event_open, &attr, tid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
  if (fd < 0) return fail_errno(kWhere, errno);
  return UniqueFd(static_cast<int>(fd));
}

// Sets what is asked for to the most that the kernel gives: cycles need a PMU, kernel frames a privilege, and
// inheritance by threads alone Linux 5.13.
Result<void> PerfEvents::choose_event(pid_t tid, int cpu) {
  while (true) {
    auto event = open_event(tid, cpu);
    if (event) return {};
    int why = event.error().sys_errno;
    if (why == EACCES && kernel_)
      kernel_ = false;
    else if (why == EINVAL && threads_only_)
      threads_only_ = false;
    else if (cycles_ && why != ESRCH && why != EMFILE) {
      cycles_ = false;
      kernel_ = threads_only_ = true;
    } else {
      return tl::unexpected<Error>(event.error());
    }
  }
}

Result<void> PerfEvents::open_ring(pid_t tid, int cpu, size_t cpu_count) {
  size_t size = rings_.empty() ? ring_bytes(cpu_count) : rings_.front().data_bytes;
  while (true) {
    if (rings_.empty()) stack_bytes_ = stack_for_ring(size);
    auto event = open_event(tid, cpu);
    if (!event) return tl::unexpected<Error>(event.error());
    void* memory = mmap(nullptr, page() + size, PROT_READ | PROT_WRITE, MAP_SHARED, event->get(), 0);
    if (memory != MAP_FAILED) {
      Ring ring;
      ring.cpu = cpu;
      ring.event = std::move(*event);
      ring.mapping.memory = memory;
      ring.mapping.size = page() + size;
      ring.data_bytes = size;
      rings_.push_back(std::move(ring));
      return {};
    }
    // EPERM: over the limit of locked memory, perf_event_mlock_kb.
    int why = errno;
    if ((why != EPERM && why != ENOMEM) || size <= kSmallestRing || !rings_.empty())
      return fail_errno(kWhere, why, "no memory for samples");
    size /= 2;
  }
}

Result<PerfEvents> PerfEvents::open(pid_t pid, std::vector<pid_t> tids, SampledEvent event) {
  PerfEvents all(pid, event);
  auto cpu_count = static_cast<int>(std::max(sysconf(_SC_NPROCESSORS_CONF), 1L));
  Error why{ErrorCode::kGone, kWhere, "no thread to sample", 0};
  for (pid_t tid : tids) {
    if (auto chosen = all.choose_event(tid, -1); !chosen) {
      why = chosen.error();
      if (why.code == ErrorCode::kGone) continue;
      return tl::unexpected<Error>(why);
    }
    for (int cpu = 0; cpu < cpu_count; ++cpu)
      if (auto opened = all.open_ring(tid, cpu, static_cast<size_t>(cpu_count)); !opened) why = opened.error();
    if (all.rings_.empty() && why.code == ErrorCode::kGone) continue;
    if (all.rings_.empty()) return tl::unexpected<Error>(why);
    all.counted_.insert(tid);
    all.named_ = 1;
    all.add(tids);
    return all;
  }
  return tl::unexpected<Error>(why);
}

void PerfEvents::add(const std::vector<pid_t>& tids) {
  for (pid_t tid : tids) {
    if (counts(tid)) continue;
    if (events_.size() + 2 * rings_.size() > most_events()) {
      full_ = true;
      return;
    }
    if (auto added = add_thread(tid); !added && added.error().sys_errno == EMFILE) {
      full_ = true;
      return;
    }
  }
}

Result<void> PerfEvents::add_thread(pid_t tid) {
  std::vector<UniqueFd> events;
  for (const Ring& ring : rings_) {
    auto event = open_event(tid, ring.cpu);
    if (!event) return tl::unexpected<Error>(event.error());
    if (ioctl(event->get(), PERF_EVENT_IOC_SET_OUTPUT, ring.event.get()) != 0) return fail_errno(kWhere, errno);
    events.push_back(std::move(*event));
  }
  std::move(events.begin(), events.end(), std::back_inserter(events_));
  counted_.insert(tid);
  ++named_;
  return {};
}

void PerfEvents::take(uint32_t type, std::string_view body, const std::function<void(const PerfRecord&)>& each) {
  auto record = parse_perf_record(type, body, form());
  if (!record) return;
  if (auto* fork = std::get_if<PerfFork>(&*record); fork && fork->pid == pid_) counted_.insert(fork->tid);
  if (auto* exit = std::get_if<PerfExit>(&*record); exit && exit->pid == pid_) counted_.erase(exit->tid);
  if (auto* sample = std::get_if<PerfSample>(&*record); sample && event_ == SampledEvent::kPageFaults) {
    sample->period = faults_a_sample_;
    ++faults_taken_;
  }
  each(*record);
}

void PerfEvents::sample_rarer() {
  faults_a_sample_ *= 4;
  for (const Ring& ring : rings_) (void)ioctl(ring.event.get(), PERF_EVENT_IOC_PERIOD, &faults_a_sample_);
  for (const UniqueFd& event : events_) (void)ioctl(event.get(), PERF_EVENT_IOC_PERIOD, &faults_a_sample_);
}

void PerfEvents::drain(Ring& ring, const std::function<void(const PerfRecord&)>& each) {
  auto* head_page = static_cast<perf_event_mmap_page*>(ring.mapping.memory);
  const char* data = static_cast<const char*>(ring.mapping.memory) + page();
  const uint64_t mask = ring.data_bytes - 1;
  uint64_t head = std::atomic_ref(head_page->data_head).load(std::memory_order_acquire);
  std::atomic_ref tail_of_ring(head_page->data_tail);
  uint64_t tail = tail_of_ring.load(std::memory_order_relaxed);
  while (head - tail >= sizeof(perf_event_header)) {
    // Records begin at multiples of 8: a header is never cut.
    perf_event_header header;
    std::memcpy(&header, data + (tail & mask), sizeof header);
    if (header.size < sizeof header || header.size > head - tail) break;
    size_t begin = (tail + sizeof header) & mask, size = header.size - sizeof header;
    std::string_view body(data + begin, std::min(size, ring.data_bytes - begin));
    if (body.size() < size) {
      wrapped_.assign(body);
      wrapped_.append(data, size - body.size());
      body = wrapped_;
    }
    take(header.type, body, each);
    tail += header.size;
    tail_of_ring.store(tail, std::memory_order_release);
  }
}

void PerfEvents::drain(const std::function<void(const PerfRecord&)>& each) {
  faults_taken_ = 0;
  for (Ring& ring : rings_) drain(ring, each);
  if (faults_taken_ > kMostFaultsTaken * rings_.size() && faults_a_sample_ < kMostFaultsASample) sample_rarer();
}

}  // namespace ec
