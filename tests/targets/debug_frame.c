/* Functions with frames of different sizes, whose call frame information is in .debug_frame only (see CMakeLists.txt):
   main calls outer calls middle calls inner, which waits. */
#include <stdio.h>
#include <unistd.h>

static volatile int kept;

__attribute__((noinline)) int inner(int number) {
  volatile char room[72];
  room[0] = (char)number;
  while (1) pause();
  return room[0];
}

__attribute__((noinline)) int middle(int number) {
  volatile int room[17];
  room[0] = number;
  kept = inner(number + 1);
  return room[0] + kept;
}

__attribute__((noinline)) int outer(int number) {
  volatile int room[9];
  room[0] = number;
  kept = middle(number + 1);
  return room[0] + kept;
}

int main(void) {
  puts("ready");
  fflush(stdout);
  return outer(3) + kept;
}
