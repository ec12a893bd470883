// Calls code that it made at run time, as JIT compilers do: main -> jit_outer -> jit_inner -> wait_here.
//   jit_code gdb     tells debuggers the names (__jit_debug_descriptor)
//   jit_code perf    writes /tmp/perf-PID.map, in which an older function stood where jit_inner is now
//   jit_code loop    tells debuggers a list that leads back to itself and to nothing
// Without frame pointers, and with call frame information for debuggers:
//   jit_code bare | relocations | executable | debug_frame    as tests/support/jit_object.h says
//   jit_code lost        in a list whose first entries say that their object is where none is, and of any size
//   jit_code circle      in a list that leads back to its beginning
//   jit_code untrue      that says too little of jit_outer: its caller seems to be where no code is
//   jit_code far         that says more of jit_outer than there is of the stack
//   jit_code nothing     none at all
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <string>
#include <string_view>

#include "tests/support/elf_builder.h"
#include "tests/support/jit_object.h"

extern "C" {
struct JitEntry {
  JitEntry* next;
  JitEntry* previous;
  const char* object;
  uint64_t size;
};
struct JitDescriptor {
  uint32_t version, action;
  JitEntry *relevant, *first;
};
// NOLINTBEGIN(bugprone-reserved-identifier)
JitDescriptor __jit_debug_descriptor = {1, 0, nullptr, nullptr};
[[gnu::noinline]] void __jit_debug_register_code() { asm volatile("" ::: "memory"); }
// NOLINTEND(bugprone-reserved-identifier)
}

namespace {

[[gnu::noinline]] void wait_here() {
  std::puts("ready");
  std::fflush(stdout);
  while (true) pause();
}

// Both keep a frame pointer. inner(f): call f. outer(f, g): call f with g.
constexpr unsigned char kInner[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3};
constexpr unsigned char kOuter[] = {0x55, 0x48, 0x89, 0xe5, 0x48, 0x89, 0xf8, 0x48, 0x89, 0xf7, 0xff, 0xd0, 0x5d, 0xc3};
constexpr uint64_t kOuterAt = ec::test::kBareOuterAt, kCodeSize = ec::test::kBareCodeSize;

// An ELF object as compilers of LLVM register it: relocatable, its section at the address of the code.
std::string object_for(uint64_t code) {
  ec::test::ElfBuilder object(EM_X86_64, ET_REL);
  std::string bytes(reinterpret_cast<const char*>(code), kCodeSize);
  object.section({".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, code, bytes});
  object.symbols({{"jit_inner", 0, sizeof kInner}, {"jit_outer", kOuterAt, sizeof kOuter}});
  return object.bytes();
}

std::string object;
JitEntry good, empty, lost, large, unmapped;

void announce(JitEntry* first) {
  __jit_debug_descriptor.relevant = __jit_debug_descriptor.first = first;
  __jit_debug_descriptor.action = 1;
  __jit_debug_register_code();
}

void tell_debuggers(uint64_t code, bool loop) {
  object = object_for(code);
  good = {nullptr, nullptr, object.data(), object.size()};
  empty = {&good, nullptr, nullptr, 0};
  if (loop) {
    good.object = reinterpret_cast<const char*>(uint64_t{16});
    good.next = &lost;
    lost = {&empty, nullptr, object.data(), UINT64_MAX};
  }
  announce(&empty);
}

void tell_frames(uint64_t code, std::string_view way) {
  ec::test::BareObject form{code};
  if (way == "executable") form.type = ET_EXEC;
  form.relocations = way == "relocations";
  form.debug_frame = way == "debug_frame";
  if (way == "untrue") form.outer_size = 48;
  if (way == "far") form.outer_size = 16'000;
  object = ec::test::bare_object(form);
  good = {nullptr, nullptr, object.data(), object.size()};
  if (way == "circle") good.next = &good;
  large = {&good, nullptr, object.data(), UINT64_MAX / 2};
  unmapped = {&large, nullptr, reinterpret_cast<const char*>(uint64_t{0x10000}), object.size()};
  announce(way == "lost" ? &unmapped : &good);
}

void write_perf_map(uint64_t code) {
  std::FILE* map = std::fopen(("/tmp/perf-" + std::to_string(getpid()) + ".map").c_str(), "w");
  if (!map) return;
  std::fprintf(map,
               "%lx 80 an older function\n%lx %zx jit inner(int) const\n0x%lx 0x%zx LazyCompile:*outer /app/x.js:1\n",
               code, code, sizeof kInner, code + kOuterAt, sizeof kOuter);
  std::fprintf(map, "%lx 80 not written to its en", code);
  std::fclose(map);
}

}  // namespace

int main(int argc, char** argv) {
  void* memory = mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED || argc < 2) return 1;
  auto code = reinterpret_cast<uint64_t>(memory);
  std::string_view way = argv[1];
  bool linked = way == "perf" || way == "gdb" || way == "loop";
  auto put = [&](uint64_t at, const auto& bytes) {
    std::memcpy(static_cast<char*>(memory) + at, std::data(bytes), std::size(bytes));
  };
  if (linked) {
    put(0, kInner);
    put(kOuterAt, kOuter);
  } else {
    put(0, ec::test::kBareInner);
    put(kOuterAt, ec::test::kBareOuter);
  }
  if (way == "perf")
    write_perf_map(code);
  else if (linked)
    tell_debuggers(code, way == "loop");
  else if (way != "nothing")
    tell_frames(code, way);
  reinterpret_cast<void (*)(uint64_t, void (*)())>(code + kOuterAt)(code, wait_here);
}
