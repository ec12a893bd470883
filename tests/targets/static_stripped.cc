// Linked statically and stripped: no dynamic linker, no symbols, and with most linkers no .eh_frame_hdr.
#include <unistd.h>

#include <cstdio>

namespace {

[[gnu::noinline]] void wait_deep(int depth) {
  if (depth > 0) {
    wait_deep(depth - 1);
    asm volatile("" ::: "memory");
    return;
  }
  while (true) pause();
}

}  // namespace

int main() {
  std::printf("ready\n");
  std::fflush(stdout);
  wait_deep(5);
}
