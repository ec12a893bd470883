/* Threads that wait in different ways, below a few frames of their own: pause, poll, nanosleep, read, condition variable. */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static int ends[2];

static __attribute__((noinline)) int wait_somehow(int how) {
  struct timespec hour = {3600, 0};
  char byte;
  switch (how) {
    case 0: return pause();
    case 1: return poll(NULL, 0, -1);
    case 2: return nanosleep(&hour, NULL);
    case 3: return (int)read(ends[0], &byte, 1);
    default:
      pthread_mutex_lock(&mutex);
      while (1) pthread_cond_wait(&never, &mutex);
  }
}

static __attribute__((noinline)) int nested(int how, int depth) {
  int got = depth > 0 ? nested(how, depth - 1) : wait_somehow(how);
  __asm__ volatile("" ::: "memory");
  return got;
}

static void* worker(void* how) {
  nested((int)(long)how, 5);
  return NULL;
}

int main(void) {
  if (pipe(ends) != 0) return 1;
  for (long how = 0; how < 5; ++how) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, worker, (void*)how) != 0) return 1;
  }
  sleep(1);
  puts("ready");
  fflush(stdout);
  nested(0, 5);
}
