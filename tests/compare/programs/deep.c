/* Deep recursion: `deep DEPTH`. Prints "ready" and stays at the bottom. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static __attribute__((noinline)) long down(long depth) {
  if (depth == 0) {
    puts("ready");
    fflush(stdout);
    while (1) pause();
  }
  long below = down(depth - 1);
  __asm__ volatile("" ::: "memory"); /* no tail call */
  return below + 1;
}

int main(int count, char** words) { return (int)down(count > 1 ? atol(words[1]) : 100); }
