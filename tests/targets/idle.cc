// Does nothing, for ever: `idle [THREADS]` starts so many threads with a few frames each, all blocked in pause(2),
// prints "ready" and waits to be killed.
#include <pthread.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace {

[[gnu::noinline]] void wait_deep(int depth) {
  if (depth > 0) {
    wait_deep(depth - 1);
    asm volatile("" ::: "memory");  // keeps the call from becoming a jump
    return;
  }
  while (true) pause();
}

void* idle_thread(void*) {
  wait_deep(5);
  return nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  int threads = argc > 1 ? std::atoi(argv[1]) : 0;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 64 * 1024);
  for (int i = 0; i < threads; ++i) {
    pthread_t thread;
    if (pthread_create(&thread, &attributes, idle_thread, nullptr) != 0) return 1;
  }
  std::printf("ready\n");
  std::fflush(stdout);
  wait_deep(5);
}
