// Threads that share their CPU time between three functions, 70 : 20 : 10, by counted rounds of the same work.
//   shares THREADS [births]   answers line K on standard input with "answer K: seventy N twenty N ten N": the CPU time
//                             of each function so far, in nanoseconds, as the threads measured it themselves. With
//                             "births" a thread is started again and again that computes for 50 ms and ends.
// Ends with its standard input.
#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

std::atomic<uint64_t> g_seventy{0}, g_twenty{0}, g_ten{0};
uint64_t g_rounds_of_ten_ms = 0;

uint64_t own_cpu_ns() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

}  // namespace

// Not in a namespace: names as a profile shows them, and a macro because a function for all would be a frame of its
// own. Each has a constant of its own, or compilers could make one function of them.
#define WORK(name, constant)                                                               \
  [[gnu::noinline]] uint64_t name(uint64_t rounds) {                                       \
    volatile uint64_t state = constant;                                                    \
    for (uint64_t i = 0; i < rounds; ++i) state = state * 6364136223846793005u + constant; \
    return state;                                                                          \
  }
WORK(seventy, 1)
WORK(twenty, 2)
WORK(ten, 3)
WORK(newborn, 4)
#undef WORK

namespace {

// Rounds for about 10 ms of CPU time; exact it need not be.
uint64_t calibrated() {
  for (uint64_t rounds = 100'000;; rounds *= 2) {
    uint64_t before = own_cpu_ns();
    seventy(rounds);
    if (uint64_t took = own_cpu_ns() - before; took > 10'000'000) return rounds * 10'000'000 / took;
  }
}

// What one thread is at. Written by it alone.
struct Progress {
  std::atomic<std::atomic<uint64_t>*> sum{nullptr};
  std::atomic<uint64_t> since{0};  // its CPU time when it began
  clockid_t clock{};
};
constexpr int kMostThreads = 64;
Progress g_progress[kMostThreads];

template <class Work>
void measured(Progress& own, std::atomic<uint64_t>& sum, Work work, uint64_t rounds) {
  uint64_t before = own_cpu_ns();
  own.since = before;
  own.sum = &sum;
  work(rounds);
  own.sum = nullptr;
  sum += own_cpu_ns() - before;
}

// The sums with what the threads are at right now.
struct Sums {
  uint64_t seventy, twenty, ten;
};
Sums sums(int threads) {
  Sums now{g_seventy, g_twenty, g_ten};
  for (int i = 0; i < threads; ++i) {
    std::atomic<uint64_t>* sum = g_progress[i].sum;
    timespec time;
    if (!sum || clock_gettime(g_progress[i].clock, &time) != 0) continue;
    uint64_t so_far =
        static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec) - g_progress[i].since;
    (sum == &g_seventy ? now.seventy : sum == &g_twenty ? now.twenty : now.ten) += so_far;
  }
  return now;
}

}  // namespace

[[gnu::noinline]] void serve(Progress& own) {
  while (true) {
    measured(own, g_seventy, seventy, 7 * g_rounds_of_ten_ms);
    measured(own, g_twenty, twenty, 2 * g_rounds_of_ten_ms);
    measured(own, g_ten, ten, g_rounds_of_ten_ms);
  }
}

int main(int argc, char** argv) {
  g_rounds_of_ten_ms = calibrated();
  int threads = argc > 1 ? std::clamp(std::atoi(argv[1]), 0, kMostThreads) : 1;
  for (int i = 0; i < threads; ++i) {
    std::thread thread([i] { serve(g_progress[i]); });
    pthread_getcpuclockid(thread.native_handle(), &g_progress[i].clock);
    thread.detach();
  }
  if (argc > 2 && std::strcmp(argv[2], "births") == 0)
    std::thread([] {
      while (true) std::thread([] { newborn(5 * g_rounds_of_ten_ms); }).join();
    }).detach();
  std::printf("ready\n");
  std::fflush(stdout);
  char byte;
  for (long line = 1; read(STDIN_FILENO, &byte, 1) == 1; ++line) {
    Sums now = sums(threads);
    std::printf("answer %ld: seventy %lu twenty %lu ten %lu\n", line, now.seventy, now.twenty, now.ten);
    std::fflush(stdout);
  }
}
