#include "collector/target/core_file.h"

#include <catch2/catch.hpp>

#include "tests/support/core_bytes.h"
#include "tests/support/program.h"

namespace ec {

namespace {

using namespace test;

std::string two_threads() {
  ThreadNote crashed{.tid = 43, .rip = 0x401136, .rsp = 0x7ffd00000100, .orig_rax = ~uint64_t{0}};
  ThreadNote waiting{.tid = 42, .signal = 0, .rip = 0x402000, .rsp = 0x7ffd00001100, .rax = 0, .orig_rax = 202};
  return prstatus(crashed) + prpsinfo(42, "server", "./server --port 80 ") + siginfo(11, 1, 0x8) +
         auxv({{AT_ENTRY, 0x401000}, {AT_SYSINFO_EHDR, 0x7ffd10000000}}) +
         mapped_files({{0x400000, 0x401000, 0, "/opt/server"}, {0x401000, 0x403000, 1, "/opt/server"}}) +
         note(NT_FPREGSET, std::string(512, 'x')) + prstatus(waiting);
}

Result<CoreFile> opened(const std::string& bytes) {
  TempDir directory;
  write_text(directory / "core", bytes);
  return CoreFile::open(directory / "core");
}

std::string refusal(const std::string& bytes) {
  auto core = opened(bytes);
  return core ? "it was opened" : core.error().detail;
}

}  // namespace

TEST_CASE("notes tell threads, signal, process and files") {
  CoreNotes notes = parse_core_notes(two_threads());
  CHECK(notes.problems.empty());
  REQUIRE(notes.threads.size() == 2);
  const CoreThread& first = notes.threads[0];
  CHECK(first.tid == 43);
  CHECK(first.signal == 11);
  CHECK(first.registers.pc() == 0x401136);
  CHECK(first.registers.sp() == 0x7ffd00000100);
  CHECK(first.system_call == -1);
  CHECK(first.user_cpu_seconds == 2.5);
  REQUIRE(first.signal_info);
  CHECK(first.signal_info->number == 11);
  CHECK(first.signal_info->code == 1);
  CHECK(first.signal_info->address == 8);
  CHECK(notes.threads[1].tid == 42);
  CHECK(notes.threads[1].system_call == 202);
  CHECK_FALSE(notes.threads[1].signal_info);
  REQUIRE(notes.process);
  CHECK_FALSE(notes.by_debugger);
  CHECK(notes.process->pid == 42);
  CHECK(notes.process->uid == 1000);
  CHECK(notes.process->gid == 100);
  CHECK(notes.process->state == 'R');
  CHECK(notes.process->comm == "server");
  CHECK(notes.process->arguments == "./server --port 80");
  CHECK(notes.auxv.value(AT_ENTRY) == 0x401000);
  REQUIRE(notes.files.size() == 2);
  CHECK(notes.files[1].path == "/opt/server");
  CHECK(notes.files[1].begin == 0x401000);
  CHECK(notes.files[1].offset == 0x1000);
}

TEST_CASE("damaged notes are said and cost only themselves") {
  CoreNotes notes = parse_core_notes(note(NT_PRSTATUS, "short") + note(NT_FILE, std::string(16, '\xff')) +
                                     prstatus({.tid = 7}) + prstatus({.tid = 7}) + note(NT_AUXV, "\x01"));
  CHECK(notes.threads.size() == 1);
  CHECK(notes.problems == std::vector<std::string>{"a thread has another layout than that of x86-64",
                                                   "the list of mapped files is damaged", "a thread is listed twice",
                                                   "the auxiliary vector is damaged"});
  std::string cut = two_threads();
  CHECK(parse_core_notes(cut.substr(0, cut.size() - 100)).problems ==
        std::vector<std::string>{"they end within a note"});
  CHECK(parse_core_notes(std::string("\xff\xff\xff\xff\xff\xff\xff\xff\x01\0\0\0", 12)).threads.empty());
}

TEST_CASE("a core gives the memory that it holds, and the address space with its files") {
  std::string page(4096, 'p');
  auto core = opened(core_bytes(two_threads(), {{0x400000, 0x1000, PF_R, page},
                                                {0x401000, 0x2000, PF_R | PF_X, ""},
                                                {0x403000, 0x1000, PF_R | PF_W, page},
                                                {0x404000, 0x1000, PF_R | PF_W, "tail"},
                                                {0x7ffd10000000, 0x1000, PF_R | PF_X, page}}));
  REQUIRE(core);
  CHECK(core->pid() == 42);
  CHECK(core->comm() == "server");
  CHECK(core->first_thread().tid == 43);
  CHECK(core->missing_bytes() == 0);
  char bytes[16];
  CHECK(core->read(0x400ff8, bytes, 16) == 8);  // what follows was not written
  CHECK(core->read(0x401000, bytes, 16) == 0);
  CHECK(core->read(0x403ff8, bytes, 16) == 12);  // goes on in the next segment
  CHECK(std::string(bytes, 12) == "pppppppptail");
  CHECK(core->read(0x404004, bytes, 16) == 0);
  CHECK(core->read(0, bytes, 16) == 0);
  CHECK(core->read(UINT64_MAX, bytes, 16) == 0);

  const AddressSpace& space = core->space();
  const Region* code = space.find(0x402fff);
  REQUIRE(code);
  CHECK(space.name(*code) == "/opt/server");
  CHECK(code->executable);
  CHECK(code->offset == 0x1000);
  CHECK(code->inode == space.find(0x400000)->inode);
  CHECK(space.find(0x403000)->inode == 0);
  CHECK(space.name(*space.find(0x7ffd10000000)) == "[vdso]");
}

TEST_CASE("who leaves the parent of each thread out is a debugger") {
  ThreadNote one{.tid = 42, .ppid = 0}, other{.tid = 43, .ppid = 0}, whole{.tid = 44};
  std::string process = prpsinfo(42, "server", "./server");
  CHECK(parse_core_notes(prstatus(one) + process + prstatus(other)).by_debugger);
  CHECK_FALSE(parse_core_notes(prstatus(one) + process + prstatus(whole)).by_debugger);
  CHECK_FALSE(parse_core_notes(prstatus(one)).by_debugger);
}

TEST_CASE("code that gcore left out is known by its file") {
  CoreNotes notes = parse_core_notes(two_threads());
  AddressSpace space = core_address_space({{0x400000, 0x401000, 0, 0, true, false, false}}, notes);
  REQUIRE(space.regions.size() == 2);
  CHECK_FALSE(space.regions[0].executable);
  CHECK(space.regions[1].begin == 0x401000);
  CHECK(space.regions[1].executable);
  CHECK(space.regions[1].offset == 0x1000);
}

TEST_CASE("a core that is cut short says what is missing") {
  std::string whole = core_bytes(two_threads(), {{0x403000, 0x1000, PF_R | PF_W, std::string(4096, 'p')}});
  auto half = opened(whole.substr(0, whole.size() - 2048));
  REQUIRE(half);
  CHECK(half->missing_bytes() == 2048);
  CHECK(half->memory_bytes() == 4096);
  CHECK(half->whole_size() == whole.size());
  char bytes[4096];
  CHECK(half->read(0x403000, bytes, 4096) == 2048);
  CHECK(refusal(whole.substr(0, 64 + 2 * 56)).starts_with("cut short at 176 B: the notes with threads and registers"));
  CHECK(refusal(whole.substr(0, 40)) == "expected an ELF header");
}

TEST_CASE("what is no core of x86-64 is refused in words") {
  std::string core = core_bytes(prstatus({}), {});
  CHECK(refusal("\x28\xb5\x2f\xfd rest") == "compressed with zstd; unpack it first: zstd -d");
  CHECK(refusal("\x1f\x8b rest") == "compressed with gzip; unpack it first: gunzip");
  CHECK(refusal("") == "not an ELF file");
  CHECK(refusal("#!/bin/sh") == "not an ELF file");
  std::string other = core;
  other[4] = ELFCLASS32;
  CHECK(refusal(other) == "of a 32-bit process; only x86-64 cores are read");
  other = core;
  put<uint16_t>(other, 18, EM_AARCH64);
  CHECK(refusal(other) == "of another machine, aarch64; only x86-64 cores are read");
  other = core;
  put<uint16_t>(other, 16, ET_DYN);
  CHECK(refusal(other) == "an ELF file, but not a core file");
  CHECK(refusal(core_bytes(note(NT_AUXV, ""), {})) == "its notes tell of no x86-64 thread");
  CHECK(CoreFile::open("/dev/null").error().detail == "not a regular file: write the core to one first");
  CHECK(CoreFile::open("/nowhere/core").error().code == ErrorCode::kGone);
}

TEST_CASE("more segments than the header can count are found by the place of the notes") {
  std::string core = core_bytes(two_threads(), {{0x403000, 0x1000, PF_R | PF_W, "memory"}});
  put<uint16_t>(core, 56, PN_XNUM);
  put<uint64_t>(core, 40, uint64_t{1} << 40);  // section header 0 was cut off
  auto opened_core = opened(core);
  REQUIRE(opened_core);
  CHECK(opened_core->notes().threads.size() == 2);
  char bytes[6];
  CHECK(opened_core->read(0x403000, bytes, 6) == 6);
}

TEST_CASE("a thread of a core waits in a call when its result says that the call was interrupted") {
  auto call_of = [](const ThreadNote& thread) {
    return blocked_call(parse_core_notes(prstatus(thread)).threads.at(0));
  };
  TaskSyscall futex = call_of({.rip = 0x402000,
                               .rsp = 0x7ffd0000,
                               .rax = static_cast<uint64_t>(-512),
                               .orig_rax = 202,
                               .rdi = 0x601040,
                               .rsi = 0x80});
  CHECK_FALSE(futex.running);
  CHECK(futex.number == 202);
  CHECK(futex.arguments[0] == 0x601040);
  CHECK(futex.stack_pointer == 0x7ffd0000);
  CHECK(waits_on_futex(futex));
  CHECK(call_of({.rax = static_cast<uint64_t>(-512)}).running);  // in no call: a fault
  CHECK(call_of({.rax = 1, .orig_rax = 0}).running);             // it had ended
}

}  // namespace ec
