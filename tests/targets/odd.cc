// Processes in the states that stack readers trip over: `odd STATE`, prints "ready" and a number where one is needed.
//   vfork           one thread waits in vfork(2) for a child that sleeps; three others compute
//   zombie-leader   the main thread has ended, two others live
//   altstack        a signal handler waits on its own stack, called from a function named `interrupted`
//   deep            one thread 20,000 calls deep
//   churn           threads are born and end all the time
//   compute N       N threads compute
//   signals         one thread computes; answers line K on standard input with "answer K: COUNT" of SIGRTMIN received
//   traced          its child traces it; prints the pid of the tracer
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

std::atomic<unsigned long> g_work{0};

void ready(long number = 0) {
  std::printf("ready %ld\n", number);
  std::fflush(stdout);
}

void start(void* (*body)(void*)) {
  pthread_t thread;
  if (pthread_create(&thread, nullptr, body, nullptr) != 0) std::exit(1);
  pthread_detach(thread);
}

void* compute(void*) {
  while (true) ++g_work;
}

void* wait_for_ever(void*) {
  while (true) pause();
}

void* stuck_in_vfork(void*) {
  if (vfork() == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (true) pause();
  }
  return nullptr;
}

void* short_life(void*) { return nullptr; }

void* churn(void*) {
  while (true) {
    pthread_t thread;
    if (pthread_create(&thread, nullptr, short_life, nullptr) == 0) pthread_join(thread, nullptr);
  }
}

void on_signal(int) {
  ready();
  while (true) pause();
}

[[gnu::noinline]] void interrupted() {
  raise(SIGUSR1);
  asm volatile("" ::: "memory");
}

std::atomic<long> g_signals{0};
void count_signal(int) { ++g_signals; }

int signals() {
  struct sigaction action {};
  action.sa_handler = count_signal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGRTMIN, &action, nullptr);
  start(compute);
  ready();
  int answers = 0;
  for (int c; (c = std::getchar()) != EOF;) {
    if (c != '\n') continue;
    std::printf("answer %d: %ld\n", ++answers, g_signals.load());
    std::fflush(stdout);
  }
  _exit(0);
}

[[gnu::noinline]] void deep(int left) {
  if (left == 0) {
    ready();
    while (true) pause();
  }
  deep(left - 1);
  asm volatile("" ::: "memory");
}

int altstack() {
  stack_t own{};
  own.ss_size = 256 * 1024;
  own.ss_sp = std::malloc(own.ss_size);
  sigaltstack(&own, nullptr);
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_ONSTACK;
  sigaction(SIGUSR1, &action, nullptr);
  interrupted();
  return 0;
}

// The tracer attaches to the whole idea of "somebody else is faster": it holds the process until it is killed itself.
int traced() {
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
  pid_t target = getpid();
  int done[2];
  if (pipe(done) != 0) return 1;
  pid_t tracer = fork();
  if (tracer == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    char ok = ptrace(PTRACE_SEIZE, target, nullptr, nullptr) == 0;
    if (write(done[1], &ok, 1) != 1) _exit(1);
    while (true) {
      int status;
      if (waitpid(target, &status, __WALL) < 0) _exit(0);
      if (WIFSTOPPED(status)) ptrace(PTRACE_CONT, target, nullptr, static_cast<long>(WSTOPSIG(status)));
    }
  }
  char ok = 0;
  if (read(done[0], &ok, 1) != 1 || !ok) return 1;
  ready(tracer);
  wait_for_ever(nullptr);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const char* state = argc > 1 ? argv[1] : "";
  int count = argc > 2 ? std::atoi(argv[2]) : 1;
  if (!std::strcmp(state, "vfork")) {
    for (int i = 0; i < 3; ++i) start(compute);
    start(stuck_in_vfork);
    ready();
    wait_for_ever(nullptr);
  } else if (!std::strcmp(state, "zombie-leader")) {
    start(wait_for_ever);
    start(compute);
    ready();
    pthread_exit(nullptr);
  } else if (!std::strcmp(state, "altstack")) {
    return altstack();
  } else if (!std::strcmp(state, "deep")) {
    deep(20'000);
  } else if (!std::strcmp(state, "churn")) {
    for (int i = 0; i < 4; ++i) start(churn);
    ready();
    wait_for_ever(nullptr);
  } else if (!std::strcmp(state, "compute")) {
    for (int i = 1; i < count; ++i) start(compute);
    ready();
    compute(nullptr);
  } else if (!std::strcmp(state, "signals")) {
    return signals();
  } else if (!std::strcmp(state, "traced")) {
    return traced();
  }
  return 2;
}
