// Threads that wait for one kind of lock or other object, by its name on the command line. Every thread is named after
// what it does: "holder", "waiter". Prints "ready" when all are on their way; ends with its standard input.
#include <linux/futex.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>

pthread_mutex_t g_mutex = PTHREAD_MUTEX_INITIALIZER;
pthread_mutex_t g_locks[5] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
                              PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};
pthread_rwlock_t g_rwlock = PTHREAD_RWLOCK_INITIALIZER;
pthread_cond_t g_condition = PTHREAD_COND_INITIALIZER;
pthread_barrier_t g_barrier;
pthread_once_t g_once = PTHREAD_ONCE_INIT;
sem_t g_semaphore;
std::mutex g_std_mutex;
std::recursive_mutex g_std_recursive;
std::timed_mutex g_std_timed;
std::shared_mutex g_std_shared;
std::condition_variable g_std_condition;
std::once_flag g_std_once;
std::atomic<int> g_atomic{0};
std::atomic<long> g_wide_atomic{0};
std::promise<int> g_promise;
int g_word = 7;

namespace {

std::atomic<int> g_held{0};  // threads that have what they are to hold

[[noreturn]] void rest() {
  while (true) pause();
}

void start(const char* name, std::function<void()> body) {
  auto* own = new std::function<void()>(std::move(body));
  pthread_t thread;
  auto run = [](void* each) -> void* {
    (*static_cast<std::function<void()>*>(each))();
    return nullptr;
  };
  if (pthread_create(&thread, nullptr, run, own) != 0) std::exit(1);
  pthread_setname_np(thread, name);
}

void wait_for_holders(int count) {
  while (g_held < count) usleep(1000);
}

// One thread takes it and sleeps, another one wants it.
void contend(std::function<void()> take, std::function<void()> want) {
  start("holder", [take] {
    take();
    ++g_held;
    rest();
  });
  wait_for_holders(1);
  start("waiter", want);
}

// The same through the classes of the C++ library, which name themselves on the stack.
template <class Lock>
void contended_class(Lock& lock) {
  contend([&lock] { lock.lock(); }, [&lock] { lock.lock(); });
}

void mutex_of(int type, int protocol = PTHREAD_PRIO_NONE, int robust = PTHREAD_MUTEX_STALLED,
              int shared = PTHREAD_PROCESS_PRIVATE) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, shared);
  pthread_mutexattr_settype(&attributes, type);
  pthread_mutexattr_setprotocol(&attributes, protocol);
  pthread_mutexattr_setrobust(&attributes, robust);
  pthread_mutex_init(&g_mutex, &attributes);
}

void lock() { pthread_mutex_lock(&g_mutex); }

void contended_mutex(int type, int protocol = PTHREAD_PRIO_NONE, int robust = PTHREAD_MUTEX_STALLED) {
  mutex_of(type, protocol, robust);
  contend(lock, lock);
}

void timed() {
  contend(lock, [] {
    timespec later{};
    clock_gettime(CLOCK_REALTIME, &later);
    later.tv_sec += 600;
    pthread_mutex_timedlock(&g_mutex, &later);
  });
}

void condition() {
  start("waiter", [] {
    pthread_mutex_lock(&g_mutex);
    while (true) pthread_cond_wait(&g_condition, &g_mutex);
  });
}

// Signalled once, it goes on with the second of its two groups of waiters.
void condition_in_second_group() {
  static std::atomic<int> waits{0};
  start("waiter", [] {
    pthread_mutex_lock(&g_mutex);
    while (true) {
      ++waits;
      pthread_cond_wait(&g_condition, &g_mutex);
    }
  });
  while (waits < 2) {
    pthread_mutex_lock(&g_mutex);  // free only while it waits
    if (waits == 1) pthread_cond_signal(&g_condition);
    pthread_mutex_unlock(&g_mutex);
    usleep(1000);
  }
}

void barrier() {
  pthread_barrier_init(&g_barrier, nullptr, 3);
  for (int i = 0; i < 2; ++i) start("waiter", [] { pthread_barrier_wait(&g_barrier); });
}

void join() {
  static pthread_t sleeper;
  pthread_create(
      &sleeper, nullptr, [](void*) -> void* { rest(); }, nullptr);
  pthread_setname_np(sleeper, "holder");
  start("waiter", [] { pthread_join(sleeper, nullptr); });
}

[[gnu::noinline]] void initialise_once() {
  ++g_held;
  rest();
}
[[gnu::noinline]] void needs_once() {
  pthread_once(&g_once, initialise_once);
  g_word = 1;
}

struct SlowToBuild {
  SlowToBuild() {
    ++g_held;
    rest();
  }
};
[[gnu::noinline]] void needs_static() {
  static SlowToBuild built;
  g_word = reinterpret_cast<intptr_t>(&built) != 0;
}

void initialisation(void (*function)()) {
  start("holder", function);
  wait_for_holders(1);
  start("waiter", function);
}

// A fault inside malloc, where the arena is locked: the last page of the heap is taken away, and the thread that cuts a
// block there stays in the handler.
std::atomic<size_t> g_block{0};

void allocator() {
  mallopt(M_ARENA_MAX, 1);
  struct sigaction action {};
  action.sa_handler = [](int) {
    ++g_held;
    rest();
  };
  sigaction(SIGSEGV, &action, nullptr);
  start("holder", [] {
    while (g_block == 0) usleep(1000);
    void* volatile block = std::malloc(g_block);
    std::free(block);
  });
  start("waiter", [] {
    wait_for_holders(1);
    void* volatile block = std::malloc(5'000);
    std::free(block);
  });
  usleep(50'000);
  char* low = static_cast<char*>(std::malloc(4'000));
  char* end = static_cast<char*>(sbrk(0));
  mprotect(end - 4096, 4096, PROT_NONE);
  g_block = static_cast<size_t>(end - low) - 4'000 - 2'000;
  wait_for_holders(1);
}

// Thread K has lock K and wants lock K + 1.
void circle(int count) {
  for (int i = 0; i < count; ++i)
    start("member", [i, count] {
      pthread_mutex_lock(&g_locks[i]);
      ++g_held;
      wait_for_holders(count);
      pthread_mutex_lock(&g_locks[(i + 1) % count]);
    });
}

// Two threads want what the other one has, with a time limit, and try again: no deadlock.
void quarrel() {
  for (int i = 0; i < 2; ++i)
    start("member", [i] {
      pthread_mutex_lock(&g_locks[i]);
      ++g_held;
      wait_for_holders(2);
      while (true) {
        timespec soon{};
        clock_gettime(CLOCK_REALTIME, &soon);
        soon.tv_nsec += 20'000'000;
        if (soon.tv_nsec >= 1'000'000'000) soon.tv_nsec -= 1'000'000'000, ++soon.tv_sec;
        pthread_mutex_timedlock(&g_locks[1 - i], &soon);
      }
    });
}

[[gnu::noinline]] void receive_under_lock(int socket) {
  char byte;
  recv(socket, &byte, 1, 0);
}

// Many wait for one that waits for a peer; `links` threads stand between them, each with a lock of its own.
void convoy(int waiters, int links) {
  start("holder", [] {
    int pair[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    pthread_mutex_lock(&g_locks[0]);
    ++g_held;
    receive_under_lock(pair[0]);
  });
  wait_for_holders(1);
  for (int i = 1; i <= links; ++i) {
    start("link", [i] {
      pthread_mutex_lock(&g_locks[i]);
      ++g_held;
      pthread_mutex_lock(&g_locks[i - 1]);
    });
    wait_for_holders(i + 1);
  }
  for (int i = 0; i < waiters; ++i) start("waiter", [links] { pthread_mutex_lock(&g_locks[links]); });
}

const std::map<std::string, std::function<void()>> kKinds{
    {"normal", [] { contended_mutex(PTHREAD_MUTEX_NORMAL); }},
    {"recursive", [] { contended_mutex(PTHREAD_MUTEX_RECURSIVE); }},
    {"errorcheck", [] { contended_mutex(PTHREAD_MUTEX_ERRORCHECK); }},
    {"adaptive", [] { contended_mutex(PTHREAD_MUTEX_ADAPTIVE_NP); }},
    {"timed", timed},
    {"shared",
     [] {
       mutex_of(PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_SHARED);
       contend(lock, lock);
     }},
    {"std-mutex", [] { contended_class(g_std_mutex); }},
    {"std-recursive", [] { contended_class(g_std_recursive); }},
    {"std-timed",
     [] { contend([] { g_std_timed.lock(); }, [] { (void)g_std_timed.try_lock_for(std::chrono::minutes(10)); }); }},
    {"std-shared-write", [] { contended_class(g_std_shared); }},
    {"std-shared-read", [] { contend([] { g_std_shared.lock(); }, [] { g_std_shared.lock_shared(); }); }},
    {"std-shared-readers", [] { contend([] { g_std_shared.lock_shared(); }, [] { g_std_shared.lock(); }); }},
    {"std-condition",
     [] {
       start("waiter", [] {
         std::unique_lock held(g_std_mutex);
         while (true) g_std_condition.wait(held);
       });
     }},
    {"std-join",
     [] {
       static std::thread sleeper(rest);
       pthread_setname_np(sleeper.native_handle(), "holder");
       start("waiter", [] { sleeper.join(); });
     }},
    {"std-once", [] { initialisation([] { std::call_once(g_std_once, initialise_once); }); }},
    {"condition-second", condition_in_second_group},
    {"timed-condition",
     [] {
       start("waiter", [] {
         pthread_mutex_lock(&g_mutex);
         timespec later{};
         clock_gettime(CLOCK_REALTIME, &later);
         later.tv_sec += 600;
         while (true) pthread_cond_timedwait(&g_condition, &g_mutex, &later);
       });
     }},
    {"wide-atomic", [] { start("waiter", [] { g_wide_atomic.wait(0); }); }},
    {"pi", [] { contended_mutex(PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT); }},
    {"robust", [] { contended_mutex(PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST); }},
    {"write-write",
     [] { contend([] { pthread_rwlock_wrlock(&g_rwlock); }, [] { pthread_rwlock_wrlock(&g_rwlock); }); }},
    {"write-read", [] { contend([] { pthread_rwlock_wrlock(&g_rwlock); }, [] { pthread_rwlock_rdlock(&g_rwlock); }); }},
    {"read-write", [] { contend([] { pthread_rwlock_rdlock(&g_rwlock); }, [] { pthread_rwlock_wrlock(&g_rwlock); }); }},
    {"condition", condition},
    {"semaphore", [] { start("waiter", [] { sem_wait(&g_semaphore); }); }},
    {"barrier", barrier},
    {"join", join},
    {"once", [] { initialisation(needs_once); }},
    {"static", [] { initialisation(needs_static); }},
    {"stdio", [] { contend([] { flockfile(stderr); }, [] { std::fputs("never shown\n", stderr); }); }},
    {"malloc", allocator},
    {"atomic", [] { start("waiter", [] { g_atomic.wait(0); }); }},
    {"future", [] { start("waiter", [] { g_promise.get_future().wait(); }); }},
    {"unknown", [] { start("waiter", [] { syscall(SYS_futex, &g_word, FUTEX_WAIT_PRIVATE, 7, nullptr); }); }},
    {"self",
     [] {
       start("waiter", [] {
         lock();
         lock();
       });
     }},
    {"two", [] { circle(2); }},
    {"five", [] { circle(5); }},
    {"quarrel", quarrel},
    {"convoy", [] { convoy(12, 0); }},
    {"chain", [] { convoy(9, 3); }},
};

}  // namespace

int main(int argc, char** argv) {
  auto kind = kKinds.find(argc > 1 ? argv[1] : "");
  if (kind == kKinds.end()) return 2;
  char byte;
  kind->second();
  if (write(STDOUT_FILENO, "ready\n", 6) != 6) return 1;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  _exit(0);
}
