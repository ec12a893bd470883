// Grows by a step for each line on standard input, and answers "done NUMBER;": "leak" keeps a MiB that nobody frees,
// "cache" fills a table of 5 MiB and then replaces what is in it, "file" opens a descriptor, "thread" starts a thread
// that waits.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr size_t kMiB = 1 << 20;

std::vector<char*> g_kept;
std::array<std::vector<char>, 5> g_cache;

void remember_request() {
  char* block = new char[kMiB];
  std::memset(block, 1, kMiB);  // touched: it counts
  g_kept.push_back(block);
}

void fill_cache(size_t request) {
  auto& place = g_cache[request % g_cache.size()];
  place.assign(kMiB, 'x');
}

void keep_file() { (void)!open("/dev/null", O_RDONLY | O_CLOEXEC); }

void start_waiter() {
  std::thread([] {
    while (true) pause();
  }).detach();
}

}  // namespace

int main() {
  std::puts("ready");
  std::fflush(stdout);
  std::string step;
  for (size_t request = 0; std::getline(std::cin, step); ++request) {
    if (step == "leak") remember_request();
    if (step == "cache") fill_cache(request);
    if (step == "file") keep_file();
    if (step == "thread") start_waiter();
    std::printf("done %zu;\n", request + 1);
    std::fflush(stdout);
  }
}
