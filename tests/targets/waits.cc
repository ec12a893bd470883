// Threads that wait in the system calls that a stop would end with EINTR, one that waits on a mutex, and one that
// computes.
//   waits            answers line K on standard input with "answer K: eintr N work M gap_us G": calls that ended with
//   EINTR so far,
//                    rounds of the computing thread so far, and the longest time it was off its CPU since the last line
// Ends with its standard input.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <mutex>

namespace {

std::atomic<long> g_interrupted{0}, g_work{0}, g_longest_ns{0};
std::mutex g_held;

void count(long result) {
  if (result < 0 && errno == EINTR) ++g_interrupted;
}

void* in_epoll(void*) {
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event;
  while (true) count(epoll_wait(epoll, &event, 1, -1));
}

void* in_epoll_with_timeout(void*) {
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event;
  while (true) count(epoll_wait(epoll, &event, 1, 600'000));
}

int g_semaphores = -1;

// A set of semaphores outlives every program that uses it, and this one is killed: a process in a session of its own,
// which holds nothing but the end of a pipe, removes the set when the program is gone.
bool make_semaphores() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  g_semaphores = semget(IPC_PRIVATE, 1, 0600);
  pid_t remover = fork();
  if (remover < 0) return false;
  if (remover > 0) return close(ends[0]) == 0 && g_semaphores >= 0;
  setsid();
  for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, ends[1]}) close(fd);
  char byte;
  while (read(ends[0], &byte, 1) < 0 && errno == EINTR) {
  }
  semctl(g_semaphores, 0, IPC_RMID);
  _exit(0);
}

void* in_semop(void*) {
  sembuf take{0, -1, 0};
  while (true) {
    long result = semop(g_semaphores, &take, 1);
    if (result < 0 && errno != EINTR) return nullptr;
    count(result);
  }
}

void* in_sigwait(void*) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGUSR2);
  while (true) count(sigwaitinfo(&signals, nullptr));
}

void* in_recv_with_timeout(void*) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return nullptr;
  timeval long_time{600, 0};
  setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &long_time, sizeof long_time);
  char byte;
  while (true) count(recv(pair[0], &byte, 1, 0));
}

void* in_mutex(void*) {
  std::lock_guard lock(g_held);
  return nullptr;
}

long now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000L + now.tv_nsec;
}

[[gnu::noinline]] void compute() {
  long before = now_ns();
  while (true) {
    ++g_work;
    long now = now_ns();
    if (now - before > g_longest_ns.load(std::memory_order_relaxed)) g_longest_ns = now - before;
    before = now;
  }
}

void* computing(void*) {
  compute();
  return nullptr;
}

}  // namespace

int main() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  if (!make_semaphores()) return 1;
  g_held.lock();
  for (auto* body :
       {in_epoll, in_epoll_with_timeout, in_semop, in_sigwait, in_recv_with_timeout, in_mutex, computing}) {
    pthread_t thread;
    if (pthread_create(&thread, nullptr, body, nullptr) != 0) return 1;
  }
  std::printf("ready\n");
  std::fflush(stdout);
  int answers = 0;
  for (int c; (c = std::getchar()) != EOF;) {
    if (c != '\n') continue;
    std::printf("answer %d: eintr %ld work %ld gap_us %ld\n", ++answers, g_interrupted.load(), g_work.load(),
                g_longest_ns.exchange(0) / 1000);
    std::fflush(stdout);
  }
  _exit(0);
}
