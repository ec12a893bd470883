// Everything of a process that a stop could damage, with a count of the damage. Threads wait in calls that the kernel
// resumes after a stop, in calls that a stop ends with EINTR, compute, send and take signals, are born and end.
//   fragile          answers line K on standard input with
//                    "answer K: odd N eintr N sent N taken N pulse N": results that no stop may cause so far (the last
//                    one is described on standard error), calls that ended with EINTR as any ptrace stop makes them,
//                    signals sent and handled, and rounds of the thread with the fewest since the last answer
// Ends with its standard input.
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <iterator>

namespace {

std::atomic<long> g_odd{0}, g_interrupted{0}, g_sent{0}, g_taken{0};
constexpr long kNap = 2'000'000;  // ns

long now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000L + now.tv_nsec;
}

void expect(bool as_it_should_be, const char* what, long result) {
  if (as_it_should_be) return;
  ++g_odd;
  std::fprintf(stderr, "odd: %s gave %ld, errno %d\n", what, result, errno);
}

// Calls that end in no other way, as nobody ever gives them what they wait for.
void expect_only_interruption(const char* what, long result) {
  expect(result == -1 && errno == EINTR, what, result);
  ++g_interrupted;
}

void one_nap(std::atomic<long>& rounds) {
  long before = now_ns();
  timespec time{0, kNap}, left{};
  int result = nanosleep(&time, &left);
  expect(result == 0 && now_ns() - before >= kNap, "nanosleep", result);
  ++rounds;
}

void one_poll(std::atomic<long>& rounds) {
  long before = now_ns();
  int result = poll(nullptr, 0, kNap / 1'000'000);
  expect(result == 0 && now_ns() - before >= kNap, "poll", result);
  ++rounds;
}

void one_futex_wait(std::atomic<long>& rounds) {
  static uint32_t word = 7;
  long before = now_ns();
  timespec time{0, kNap};
  long result = syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 7, &time, nullptr, 0);
  expect(result == -1 && errno == ETIMEDOUT && now_ns() - before >= kNap, "futex", result);
  ++rounds;
}

// Numbers through a pipe: none is lost, none comes twice.
int g_pipe[2];
void one_write(std::atomic<long>& rounds) {
  static uint64_t next = 0;
  ssize_t result = write(g_pipe[1], &next, sizeof next);
  expect(result == sizeof next, "write", result);
  ++next;
  one_nap(rounds);
}
void one_read(std::atomic<long>& rounds) {
  static uint64_t expected = 0;
  uint64_t value = UINT64_MAX;
  ssize_t result = read(g_pipe[0], &value, sizeof value);
  expect(result == sizeof value && value == expected, "read", result);
  ++expected;
  ++rounds;
}

// A ring of turns over a mutex and a condition variable.
pthread_mutex_t g_mutex = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t g_turned = PTHREAD_COND_INITIALIZER;
long g_turn = 0;
void one_turn(std::atomic<long>& rounds, long mine) {
  int result = pthread_mutex_lock(&g_mutex);
  while (result == 0 && g_turn % 2 != mine) result = pthread_cond_wait(&g_turned, &g_mutex);
  expect(result == 0, "a turn", result);
  ++g_turn;
  pthread_cond_signal(&g_turned);
  pthread_mutex_unlock(&g_mutex);
  ++rounds;
}
void one_even_turn(std::atomic<long>& rounds) { one_turn(rounds, 0); }
void one_odd_turn(std::atomic<long>& rounds) {
  one_turn(rounds, 1);
  one_nap(rounds);
}

// Whole and floating point numbers that stay in registers.
void one_sum(std::atomic<long>& rounds) {
  uint64_t whole = 1;
  double fraction = 1;
  for (int i = 0; i < 20'000; ++i) {
    whole = whole * 6364136223846793005u + 1442695040888963407u;
    fraction = fraction * 0.75 + static_cast<double>(i & 3);
  }
  static const uint64_t whole_at_first = whole;
  static const double fraction_at_first = fraction;
  expect(whole == whole_at_first && fraction == fraction_at_first, "a sum", static_cast<long>(whole));
  ++rounds;
}

void* born(void* argument) { return argument; }
void one_life(std::atomic<long>& rounds) {
  pthread_t thread;
  void* back = nullptr;
  int result = pthread_create(&thread, nullptr, born, &g_pipe);
  if (result == 0) result = pthread_join(thread, &back);
  expect(result == 0 && back == &g_pipe, "a thread", result);
  ++rounds;
}

void on_signal(int) { ++g_taken; }
void one_signal(std::atomic<long>& rounds) {
  int result = sigqueue(getpid(), SIGRTMIN, {});
  if (result == 0) ++g_sent;
  expect(result == 0 || errno == EAGAIN, "sigqueue", result);
  one_nap(rounds);
}

void one_epoll(std::atomic<long>&) {
  static const int epoll = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event;
  expect_only_interruption("epoll_wait", epoll_wait(epoll, &event, 1, -1));
}

void one_sigwait(std::atomic<long>&) {
  sigset_t never_sent;
  sigemptyset(&never_sent);
  sigaddset(&never_sent, SIGUSR2);
  expect_only_interruption("sigwaitinfo", sigwaitinfo(&never_sent, nullptr));
}

void one_recv(std::atomic<long>&) {
  static int pair[2];
  static const int made = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
  timeval long_time{600, 0};
  if (made == 0) setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &long_time, sizeof long_time);
  char byte;
  expect_only_interruption("recv", recv(pair[0], &byte, 1, 0));
}

using Round = void (*)(std::atomic<long>&);
constexpr Round kMoving[] = {one_nap,  one_poll,      one_futex_wait, one_write, one_read,  one_sum,
                             one_life, one_even_turn, one_odd_turn,   one_life,  one_signal};
constexpr Round kWaiting[] = {one_epoll, one_sigwait, one_recv};
std::atomic<long> g_rounds[std::size(kMoving) + std::size(kWaiting)];

struct Part {
  Round round;
  std::atomic<long>* rounds;
} g_parts[std::size(g_rounds)];

void* run(void* argument) {
  auto* part = static_cast<Part*>(argument);
  // Signals go to those who compute: of the calls that wait some would end.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGRTMIN);
  if (part->round == one_sum) pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  while (true) part->round(*part->rounds);
}

}  // namespace

int main() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGRTMIN, &action, nullptr);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGRTMIN);
  sigaddset(&signals, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  if (pipe(g_pipe) != 0) return 1;
  size_t count = 0;
  auto start = [&](Round round) {
    g_parts[count] = {round, &g_rounds[count]};
    pthread_t thread;
    return pthread_create(&thread, nullptr, run, &g_parts[count++]) == 0;
  };
  for (Round round : kMoving)
    if (!start(round)) return 1;
  for (Round round : kWaiting)
    if (!start(round)) return 1;
  std::printf("ready\n");
  std::fflush(stdout);
  long before[std::size(kMoving)] = {};
  int answers = 0;
  for (int c; (c = std::getchar()) != EOF;) {
    if (c != '\n') continue;
    long fewest = INT64_MAX;
    for (size_t i = 0; i < std::size(kMoving); ++i) {
      long now = g_rounds[i];
      fewest = std::min(fewest, now - before[i]);
      before[i] = now;
    }
    long taken = g_taken;  // before what was sent, which is never less
    std::printf("answer %d: odd %ld eintr %ld sent %ld taken %ld pulse %ld\n", ++answers, g_odd.load(),
                g_interrupted.load(), g_sent.load(), taken, fewest);
    std::fflush(stdout);
  }
  _exit(0);
}
