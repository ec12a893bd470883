// Writes the profiles of gperftools of known work into a folder: gperftools FOLDER → cpu.prof, heap.heap (all that was
// allocated), sampled.heap and growth.heap (what /pprof/heap and /pprof/growth of a service answer).
#include <gperftools/heap-profiler.h>
#include <gperftools/malloc_extension.h>
#include <gperftools/profiler.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

// Functions of these names are looked for in what google-pprof and `go tool pprof` print: the latter names no local
// ones.
unsigned spin(unsigned rounds);
void hash_pages();
void sort_keys();
void write_log();
void serve_request();

volatile unsigned sink;

__attribute__((noinline)) unsigned spin(unsigned rounds) {
  unsigned value = rounds;
  for (unsigned i = 0; i < rounds * 1000; ++i) value = value * 1664525 + 1013904223;
  return value;
}
__attribute__((noinline)) void hash_pages() { sink = spin(70) + 1; }
__attribute__((noinline)) void sort_keys() { sink = spin(20) + 2; }
__attribute__((noinline)) void write_log() { sink = spin(10) + 3; }
__attribute__((noinline)) void serve_request() {
  hash_pages();
  sort_keys();
  write_log();
  sink = sink + 1;
}

struct Cache {
  std::vector<char*> pages;
};
void fill_cache(Cache& cache);
void remember_users(Cache& cache);
void work_and_forget();
void load_data(Cache& cache);

__attribute__((noinline)) void fill_cache(Cache& cache) {
  for (int i = 0; i < 300; ++i) cache.pages.push_back(new char[64 * 1024]);
}
__attribute__((noinline)) void remember_users(Cache& cache) {
  for (int i = 0; i < 2000; ++i) cache.pages.push_back(static_cast<char*>(std::malloc(1024)));
}
__attribute__((noinline)) void work_and_forget() {
  for (int i = 0; i < 400; ++i) {
    char* page = static_cast<char*>(std::calloc(1, 32 * 1024));
    sink = sink + static_cast<unsigned char>(page[i]);
    std::free(page);
  }
}
__attribute__((noinline)) void load_data(Cache& cache) {
  fill_cache(cache);
  remember_users(cache);
  work_and_forget();
}

static void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

int main(int count, char** arguments) {
  if (count != 2) return 2;
  std::string folder = arguments[1];
  Cache cache;

  HeapProfilerStart((folder + "/full").c_str());
  load_data(cache);
  if (char* text = GetHeapProfile()) {
    write_file(folder + "/heap.heap", text);
    std::free(text);
  }
  HeapProfilerStop();

  load_data(cache);
  std::string text;
  MallocExtension::instance()->GetHeapSample(&text);
  write_file(folder + "/sampled.heap", text);
  text.clear();
  MallocExtension::instance()->GetHeapGrowthStacks(&text);
  write_file(folder + "/growth.heap", text);

  // At 250 Hz of CPU time, however long it takes. The count is asked for seldom: a sample of the code that tells it,
  // which has no names, is given to main by google-pprof.
  ProfilerStart((folder + "/cpu.prof").c_str());
  for (ProfilerState state{}; state.samples_gathered < 500; ProfilerGetCurrentState(&state))
    for (int i = 0; i < 100; ++i) serve_request();
  ProfilerStop();
  std::puts("done");
}
