// Threads that wait for one kind of lock of musl, by its name on the command line, as locks.cc has them for glibc.
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

pthread_mutex_t g_mutex;
pthread_rwlock_t g_rwlock = PTHREAD_RWLOCK_INITIALIZER;
pthread_cond_t g_condition = PTHREAD_COND_INITIALIZER;
sem_t g_semaphore;
static pthread_t g_holder;
static volatile int g_held;

static void rest(void) {
  while (1) pause();
}

static void lock(void) { pthread_mutex_lock(&g_mutex); }
static void read_lock(void) { pthread_rwlock_rdlock(&g_rwlock); }
static void write_lock(void) { pthread_rwlock_wrlock(&g_rwlock); }
static void take_file(void) { flockfile(stderr); }
static void want_file(void) { fputs("never shown\n", stderr); }
static void nothing(void) {}
static void wait_for_semaphore(void) { sem_wait(&g_semaphore); }
static void wait_for_holder(void) { pthread_join(g_holder, NULL); }
static void wait_for_condition(void) {
  pthread_mutex_lock(&g_mutex);
  while (1) pthread_cond_wait(&g_condition, &g_mutex);
}

typedef void (*Action)(void);
struct Kind {
  const char* name;
  int type;
  Action take, want;
};

static const struct Kind kKinds[] = {
    {"normal", PTHREAD_MUTEX_NORMAL, lock, lock},
    {"recursive", PTHREAD_MUTEX_RECURSIVE, lock, lock},
    {"errorcheck", PTHREAD_MUTEX_ERRORCHECK, lock, lock},
    {"write-read", 0, write_lock, read_lock},
    {"read-write", 0, read_lock, write_lock},
    {"stdio", 0, take_file, want_file},
    {"condition", 0, nothing, wait_for_condition},
    {"semaphore", 0, nothing, wait_for_semaphore},
    {"join", 0, nothing, wait_for_holder},
};

static void* hold(void* take) {
  ((const struct Kind*)take)->take();
  g_held = 1;
  rest();
  return NULL;
}

static void* want(void* kind) {
  ((const struct Kind*)kind)->want();
  return NULL;
}

int main(int argc, char** argv) {
  const struct Kind* kind = NULL;
  for (size_t i = 0; i < sizeof kKinds / sizeof *kKinds; ++i)
    if (argc > 1 && strcmp(kKinds[i].name, argv[1]) == 0) kind = &kKinds[i];
  if (!kind) return 2;
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, kind->type);
  pthread_mutex_init(&g_mutex, &attributes);
  pthread_t waiter;
  if (pthread_create(&g_holder, NULL, hold, (void*)kind) != 0) return 1;
  pthread_setname_np(g_holder, "holder");
  while (!g_held) usleep(1000);
  if (pthread_create(&waiter, NULL, want, (void*)kind) != 0) return 1;
  pthread_setname_np(waiter, "waiter");
  if (write(STDOUT_FILENO, "ready\n", 6) != 6) return 1;
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  _exit(0);
}
