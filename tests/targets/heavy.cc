// A big process: `heavy THREADS MAPPINGS DESCRIPTORS`. Blocked threads with 20 frames each, anonymous mappings, open
// files, pipes and sockets. One thread measures the longest gap in its own running (a freeze shows there): every line
// on standard input is answered with the longest gap in microseconds since the line before, and the count of EINTR that
// a thread in epoll_wait saw. Ends with its standard input.
#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

std::atomic<long> g_longest_gap_ns{0};
std::atomic<long> g_interrupted{0};

long now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000L + now.tv_nsec;
}

[[gnu::noinline]] void wait_deep(int depth) {
  if (depth > 0) {
    wait_deep(depth - 1);
    asm volatile("" ::: "memory");
    return;
  }
  while (true) pause();
}

void* blocked(void*) {
  wait_deep(20);
  return nullptr;
}

// Wakes every 200 microseconds; what comes later than that is a gap.
void* heartbeat(void*) {
  long before = now_ns();
  while (true) {
    timespec nap{0, 200'000};
    nanosleep(&nap, nullptr);
    long now = now_ns(), gap = now - before - 200'000;
    long longest = g_longest_gap_ns.load();
    while (gap > longest && !g_longest_gap_ns.compare_exchange_weak(longest, gap)) {
    }
    before = now;
  }
}

void* in_epoll(void*) {
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event;
  while (true)
    if (epoll_wait(epoll, &event, 1, -1) < 0 && errno == EINTR) ++g_interrupted;
}

void start(void* (*body)(void*)) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 64 * 1024);
  pthread_t thread;
  if (int problem = pthread_create(&thread, &attributes, body, nullptr)) {
    std::fprintf(stderr, "heavy: pthread_create: %s\n", std::strerror(problem));
    std::exit(1);
  }
}

void map_some(int count) {
  for (int i = 0; i < count; ++i) {
    // Alternating protections keep the kernel from merging neighbours.
    void* memory = mmap(nullptr, 8192, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (i % 2 == 0 && memory != MAP_FAILED) std::memset(memory, 1, 4096);
  }
}

void open_some(int count) {
  for (int i = 0; i < count;) {
    int pair[2] = {-1, -1};
    switch (i % 3) {
      case 0:
        open("/etc/hostname", O_RDONLY | O_CLOEXEC), ++i;
        break;
      case 1:
        i += pipe2(pair, O_CLOEXEC) == 0 ? 2 : 1;
        break;
      default:
        i += socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0 ? 2 : 1;
        break;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: heavy THREADS MAPPINGS DESCRIPTORS\n");
    return 2;
  }
  rlimit files{1 << 20, 1 << 20};
  if (setrlimit(RLIMIT_NOFILE, &files) != 0) {
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  start(heartbeat);
  start(in_epoll);
  for (int i = 3; i < std::atoi(argv[1]); ++i) start(blocked);
  map_some(std::atoi(argv[2]));
  open_some(std::atoi(argv[3]));
  std::printf("ready\n");
  std::fflush(stdout);
  char line[64];
  while (std::fgets(line, sizeof line, stdin)) {
    std::printf("%ld %ld\n", g_longest_gap_ns.exchange(0) / 1000, g_interrupted.exchange(0));
    std::fflush(stdout);
  }
}
