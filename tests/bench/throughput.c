/* Threads that do the same small piece of work again and again, 20 calls deep, and count it.
 *   throughput THREADS   answers each line on standard input with "ROUNDS CPU_NS WALL_NS" so far
 * Ends with its standard input. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static volatile uint64_t rounds[256][8]; /* a cache line each */

static uint64_t ns(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

__attribute__((noinline)) static uint64_t piece(uint64_t state) {
  for (int i = 0; i < 500; ++i) state = state * 6364136223846793005u + 1442695040888963407u;
  return state;
}

__attribute__((noinline)) static void work(volatile uint64_t* count, int depth) {
  if (depth > 0) {
    work(count, depth - 1);
    __asm__ volatile("" ::: "memory"); /* keeps the call from becoming a jump */
    return;
  }
  volatile uint64_t state = 1;
  for (;;) {
    state = piece(state);
    ++*count;
  }
}

static void* run(void* count) {
  work(count, 20);
  return NULL;
}

int main(int argc, char** argv) {
  int threads = argc > 1 ? atoi(argv[1]) : 1;
  for (int i = 0; i < threads && i < 256; ++i) {
    pthread_t thread;
    pthread_create(&thread, NULL, run, (void*)rounds[i]);
  }
  printf("ready\n");
  fflush(stdout);
  char byte;
  while (read(STDIN_FILENO, &byte, 1) == 1) {
    uint64_t all = 0;
    for (int i = 0; i < threads; ++i) all += rounds[i][0];
    printf("%lu %lu %lu\n", all, ns(CLOCK_PROCESS_CPUTIME_ID), ns(CLOCK_MONOTONIC));
    fflush(stdout);
  }
}
