/* A thread that waits within three signal handlers: the first on an alternate stack, the others above it. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void third(int number) {
  (void)number;
  puts("ready");
  fflush(stdout);
  while (1) pause();
}

static void second(int number) {
  (void)number;
  raise(SIGALRM);
  __asm__ volatile("" ::: "memory");
}

static void first(int number) {
  (void)number;
  raise(SIGUSR2);
  __asm__ volatile("" ::: "memory");
}

static __attribute__((noinline)) void interrupted(void) {
  raise(SIGUSR1);
  __asm__ volatile("" ::: "memory");
}

static void* worker(void* nothing) {
  stack_t alternate = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};
  sigaltstack(&alternate, NULL);
  struct sigaction action = {.sa_handler = first, .sa_flags = SA_ONSTACK};
  sigaction(SIGUSR1, &action, NULL);
  action.sa_handler = second;
  sigaction(SIGUSR2, &action, NULL);
  action.sa_handler = third;
  sigaction(SIGALRM, &action, NULL);
  interrupted();
  return nothing;
}

int main(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, worker, NULL) != 0) return 1;
  pthread_join(thread, NULL);
}
