// Ends by a signal, in a thread of its own beside one that waits: `crash WAY`.
//   read       reads through a null pointer
//   write      writes through one
//   throw      throws an exception that nobody catches
//   divide     divides by zero
//   overflow   uses up its stack
//   int3       executes a breakpoint instruction
//   trap       calls __builtin_trap()
//   raise      sends itself SIGTRAP
//   wait       does none of it, and prints "ready"
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <stdexcept>

namespace {

struct Order {
  int id, items[4];
};
const char* g_way = "";

[[gnu::noinline]] int read_order(const Order* order) { return order->items[2] + 1; }
[[gnu::noinline]] void write_order(Order* order) { order->items[2] = 7; }
[[gnu::noinline]] int divide(int a, int b) { return a / b; }
[[gnu::noinline]] int go_deeper(int depth) {
  volatile char room[512];
  room[0] = static_cast<char>(depth);
  return go_deeper(depth + 1) + room[0];
}

[[gnu::noinline]] int handle(Order* order) {
  int result = 0;
  if (std::strcmp(g_way, "read") == 0) result = read_order(order);
  if (std::strcmp(g_way, "write") == 0) write_order(order);
  if (std::strcmp(g_way, "throw") == 0) throw std::runtime_error("no such order");
  if (std::strcmp(g_way, "divide") == 0) result = divide(7, static_cast<int>(reinterpret_cast<long>(order)));
  if (std::strcmp(g_way, "overflow") == 0) result = go_deeper(0);
  if (std::strcmp(g_way, "int3") == 0) asm volatile("int3");
  if (std::strcmp(g_way, "trap") == 0) __builtin_trap();
  if (std::strcmp(g_way, "raise") == 0) raise(SIGTRAP);
  return result;
}

void* work(void*) {
  usleep(50'000);  // until the other one waits
  std::printf("%d\n", handle(nullptr));
  std::printf("ready\n");
  std::fflush(stdout);
  while (true) pause();
}

void* wait_for_ever(void*) {
  while (true) pause();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) g_way = argv[1];
  pthread_t waiting, working;
  if (pthread_create(&waiting, nullptr, wait_for_ever, nullptr) != 0) return 1;
  if (pthread_create(&working, nullptr, work, nullptr) != 0) return 1;
  pthread_join(working, nullptr);
}
