// Changes what debuggers and collectors read of a process, while they read it: its ELF header and program headers, its
// dynamic section, the list of loaded libraries, the vdso, the stacks of its own threads, its stack pointers, a file
// mapped as code, the list of its mappings, what it tells debuggers of a JIT compiler, and the state of a Python
// interpreter that it is not. Nothing of it is ever used again by the process itself, which gets along with raw system
// calls.
//   scribbler        answers line K on standard input with "answer K: rounds N": rounds of changes so far
// Ends with its standard input.
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

extern "C" {
// What readers of runtimes look for by name.
// NOLINTBEGIN(bugprone-reserved-identifier)
struct {
  uint32_t version, action;
  uint64_t relevant, first;
} __jit_debug_descriptor = {1, 0, 0, 0};
extern const char __ehdr_start[];
alignas(64) uint64_t _PyRuntime[1024];
// NOLINTEND(bugprone-reserved-identifier)
uint32_t Py_Version = 0x030b07f0;
uint64_t PyCode_Type[64], PyUnicode_Type[64], PyBytes_Type[64];
}

namespace {

constexpr size_t kPage = 4096;
std::atomic<long> g_rounds{0};

// xorshift64*; the C library's would do, but for its lock.
struct Random {
  uint64_t state;
  uint64_t next() {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 2685821657736338717u;
  }
  uint64_t below(uint64_t limit) { return next() % limit; }
};

// Addresses that lead somewhere, and numbers at the edges.
std::vector<uint64_t> g_words{0, 1, 8, 16, 4096, UINT32_MAX, UINT64_MAX, INT64_MAX, uint64_t{1} << 47, 1u << 20, 48};
uint64_t some_word(Random& random) {
  uint64_t word = g_words[random.below(g_words.size())];
  switch (random.below(8)) {
    case 0:
      return random.next();
    case 1:
      return word + random.below(64);
    case 2:
      return word - 8 * random.below(64);
    case 3:
      return word + 8 * random.below(512);
    default:
      return word;
  }
}

// Memory that is changed; most of the time only a few words differ from what stood there at first.
class Victim {
 public:
  Victim(void* begin, size_t size) : words_(static_cast<uint64_t*>(begin)), first_(words_, words_ + size / 8) {}
  void change(Random& random) {
    uint64_t kind = random.below(16);
    size_t changes = kind == 0 ? first_.size() : kind == 1 ? 0 : 1 + random.below(24);
    if (random.below(4) == 0) std::copy(first_.begin(), first_.end(), words_);
    for (size_t i = 0; i < changes; ++i)
      const_cast<volatile uint64_t*>(words_)[random.below(first_.size())] = some_word(random);
  }

 private:
  uint64_t* words_;
  std::vector<uint64_t> first_;
};
std::vector<Victim> g_victims;

// Makes the pages of this range writable and changes it from now on.
void victimize(uint64_t begin, size_t size, int protection = PROT_READ | PROT_WRITE) {
  uint64_t first = begin / kPage * kPage, end = (begin + size + kPage - 1) / kPage * kPage;
  if (mprotect(reinterpret_cast<void*>(first), end - first, protection) != 0) return;
  g_victims.emplace_back(reinterpret_cast<void*>(begin), size);
  for (uint64_t at = begin; at < begin + size; at += size / 4 + 8) g_words.push_back(at);
}

// Stacks of threads that wait in a call that never ends.
std::atomic<int> g_waiting{0};
uint64_t g_stack_begin[4], g_stack_size[4];

[[gnu::noinline]] void wait_deep(int depth, int thread) {
  volatile char room[200];
  room[0] = static_cast<char>(depth);
  if (depth > 0) {
    wait_deep(depth - 1, thread);
  } else {
    auto here = reinterpret_cast<uint64_t>(__builtin_frame_address(0));
    uint64_t low = (here - 1024) / 8 * 8;
    g_stack_size[thread] = 8 * 1024;
    g_stack_begin[thread] = low;
    ++g_waiting;
    if (thread > 0)
      while (true) syscall(SYS_pause);
    while (true) asm volatile("1: pause\n jmp 1b");  // needs no stack either
  }
  room[1] = room[0];
}

void* waiting(void* thread) {
  wait_deep(60, static_cast<int>(reinterpret_cast<intptr_t>(thread)));
  return nullptr;
}

// Sleeps, or computes, for a moment with these registers for stack and frame.
void with_stack_at(uint64_t sp, uint64_t base, bool asleep) {
  static const timespec kMoment{0, 2'000'000};
  asm volatile(
      "mov %%rsp, %%r12\n mov %%rbp, %%r13\n mov %[sp], %%rsp\n mov %[base], %%rbp\n"
      "test %%ebx, %%ebx\n jz 2f\n"
      "mov %[time], %%rdi\n xor %%esi, %%esi\n mov $35, %%eax\n syscall\n jmp 3f\n"
      "2: mov $3000000, %%ecx\n 4: dec %%ecx\n jnz 4b\n"
      "3: mov %%r12, %%rsp\n mov %%r13, %%rbp\n"
      :
      : [sp] "r"(sp), [base] "r"(base), [time] "r"(&kMoment), "b"(static_cast<int>(asleep))
      : "r12", "r13", "rax", "rcx", "r11", "rdi", "rsi", "memory", "cc");
}

void* odd_stack_pointers(void*) {
  Random random{0x9e3779b97f4a7c15u};
  for (long round = 0;; ++round) with_stack_at(some_word(random), some_word(random), round % 3 > 0);
}

// Waits in memory without a file, as compiled code of a JIT compiler does.
void* in_made_code(void* code) {
  reinterpret_cast<void (*)()>(code)();
  return nullptr;
}

// Our own file as code of another one, which is written over and cut short.
int g_file = -1;
std::vector<uint64_t> g_file_words;
void map_changing_file() {
  int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  struct stat info {};
  g_file = memfd_create("changing", MFD_CLOEXEC);
  if (self < 0 || g_file < 0 || fstat(self, &info) != 0) return;
  auto size = static_cast<size_t>(info.st_size);
  g_file_words.resize(size / 8);
  if (pread(self, g_file_words.data(), size / 8 * 8, 0) < 0 || pwrite(g_file, g_file_words.data(), size / 8 * 8, 0) < 0)
    return;
  void* mapped = mmap(nullptr, size, PROT_READ | PROT_EXEC, MAP_SHARED, g_file, 0);
  if (mapped == MAP_FAILED) return;
  for (size_t at = 0; at < size; at += size / 16 / 8 * 8)
    g_words.push_back(reinterpret_cast<uint64_t>(mapped) + at + 5);
}

void change_file(Random& random) {
  size_t at = random.below(g_file_words.size());
  uint64_t word = random.below(2) ? g_file_words[at] : some_word(random);
  if (pwrite(g_file, &word, sizeof word, static_cast<off_t>(random.below(8) == 0 ? at % 128 * 8 : at * 8)) < 0) return;
  if (random.below(64) == 0 && ftruncate(g_file, static_cast<off_t>(random.below(g_file_words.size()) * 8)) != 0)
    return;
  if (random.below(64) == 0 && pwrite(g_file, g_file_words.data(), g_file_words.size() * 8, 0) < 0) return;
}

void change_mappings(Random& random) {
  static void* places[64];
  void*& place = places[random.below(64)];
  size_t size = kPage * 4;
  if (place != nullptr) {
    munmap(place, size);
    place = nullptr;
  } else {
    int protection = random.below(2) ? PROT_READ | PROT_EXEC : PROT_READ | PROT_WRITE;
    void* made = mmap(nullptr, size, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (made != MAP_FAILED) place = made;
  }
}

void* scribble(void*) {
  Random random{0x2545f4914f6cdd1du};
  while (true) {
    for (Victim& victim : g_victims) victim.change(random);
    // Most of the time as it should be, so that readers go on.
    __jit_debug_descriptor.version = random.below(8) ? 1 : static_cast<uint32_t>(random.next());
    __jit_debug_descriptor.first = some_word(random) & ~uint64_t{7};
    Py_Version = random.below(8) ? 0x030007f0 | static_cast<uint32_t>(8 + random.below(6)) << 16
                                 : static_cast<uint32_t>(random.next());
    change_file(random);
    change_mappings(random);
    ++g_rounds;
  }
}

template <class Body>
bool start(Body* body, void* argument) {
  pthread_t thread;
  return pthread_create(&thread, nullptr, body, argument) == 0;
}

}  // namespace

int main() {
  // A handler would run on the stack that nobody knows.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);

  // A heap of words that lead to each other: entries, interpreters, threads, frames, strings.
  constexpr size_t kHeap = 256 * 1024;
  void* heap = mmap(nullptr, kHeap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  void* nothing = mmap(nullptr, kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  auto* code = static_cast<unsigned char*>(
      mmap(nullptr, kPage, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (heap == MAP_FAILED || nothing == MAP_FAILED || code == MAP_FAILED) return 1;
  constexpr unsigned char kForEver[] = {0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7};  // pause(2), again and again
  std::memcpy(code + 64, kForEver, sizeof kForEver);
  for (size_t at = 0; at < kHeap; at += kHeap / 32) g_words.push_back(reinterpret_cast<uint64_t>(heap) + at);
  for (void* place : {nothing, static_cast<void*>(code), static_cast<void*>(const_cast<char*>(__ehdr_start)),
                      reinterpret_cast<void*>(wait_deep), reinterpret_cast<void*>(pthread_create)})
    g_words.push_back(reinterpret_cast<uint64_t>(place) + 5);

  for (intptr_t thread = 0; thread < 4; ++thread)
    if (!start(waiting, reinterpret_cast<void*>(thread))) return 1;
  while (g_waiting < 4) sched_yield();
  if (!start(in_made_code, code + 64)) return 1;

  map_changing_file();
  for (int thread = 0; thread < 4; ++thread) victimize(g_stack_begin[thread], g_stack_size[thread]);
  victimize(reinterpret_cast<uint64_t>(heap), kHeap);
  victimize(reinterpret_cast<uint64_t>(_PyRuntime), sizeof _PyRuntime);
  auto image = reinterpret_cast<uint64_t>(__ehdr_start);
  const auto* header = reinterpret_cast<const ElfW(Ehdr)*>(__ehdr_start);
  victimize(image, sizeof *header + header->e_phnum * sizeof(ElfW(Phdr)));
  uint64_t vdso = getauxval(AT_SYSINFO_EHDR);
  if (vdso != 0) victimize(vdso, kPage, PROT_READ | PROT_WRITE | PROT_EXEC);
  victimize(reinterpret_cast<uint64_t>(_DYNAMIC), 24 * sizeof(ElfW(Dyn)));
  std::vector<link_map*> maps;
  for (link_map* map = _r_debug.r_map; map != nullptr; map = map->l_next) maps.push_back(map);

  std::printf("ready\n");
  std::fflush(stdout);
  // From here on nothing may be looked up, and no function of the vdso called.
  for (link_map* map : maps) victimize(reinterpret_cast<uint64_t>(map), sizeof *map);
  if (!start(odd_stack_pointers, nullptr) || !start(odd_stack_pointers, nullptr) || !start(scribble, nullptr)) return 1;

  char line;
  for (int answers = 1; read(STDIN_FILENO, &line, 1) == 1; ++answers) {
    char answer[64];
    int length = std::snprintf(answer, sizeof answer, "answer %d: rounds %ld\n", answers, g_rounds.load());
    if (write(STDOUT_FILENO, answer, static_cast<size_t>(length)) < 0) break;
  }
  syscall(SYS_exit_group, 0);
}
