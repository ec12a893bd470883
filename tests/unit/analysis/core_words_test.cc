#include "collector/analysis/core_words.h"

#include <catch2/catch.hpp>
#include <csignal>

#include "collector/analysis/finding.h"
#include "collector/collectors/core.h"
#include "collector/collectors/stacks.h"

namespace ec {

namespace {

// A thread that reads through a null pointer: mov 0xc(%rdi),%eax.
Snapshot crash() {
  Snapshot snapshot;
  snapshot.target = {42, 0, "", "server", "", "", {}};
  CoreFacts& core = snapshot.core.emplace();
  core.path = "/var/tmp/core";
  core.tid = 43;
  core.signal = SIGSEGV;
  core.signal_code = SEGV_MAPERR;
  core.has_details = true;
  core.address = 0xc;
  core.registers = {{"rip", 0x401136}, {"rsp", 0x7f5500001000}};
  core.instruction = "\x8b\x47\x0c";
  Thread thread;
  thread.tid = 43;
  thread.name = "worker";
  snapshot.threads = std::vector<Thread>{thread};
  Stacks stacks;
  Frame inner, outer;
  inner.symbol = "read_order(Order const*, int)";
  inner.file = "/src/order.cc";
  inner.line = 8;
  outer.symbol = "handle(Order const*)";
  stacks.frames = {inner, outer};
  stacks.stacks.push_back({{0, 1}, "root"});
  ThreadStack entry;
  entry.tid = 43;
  entry.read_by = "core";
  entry.stack = 0;
  stacks.threads.push_back(entry);
  snapshot.stacks = stacks;
  return snapshot;
}

std::string words_for(int signal, int code, uint64_t address = 0x401136, std::string_view mapping = "") {
  Snapshot snapshot = crash();
  snapshot.core->signal = signal;
  snapshot.core->signal_code = code;
  snapshot.core->address = address;
  snapshot.core->address_mapping = mapping;
  return signal_words(snapshot);
}

}  // namespace

TEST_CASE("a signal is told in words") {
  CHECK(signal_words(crash()) == "SIGSEGV: address 0xc not mapped, read by thread 43 `worker`");
  CHECK(words_for(SIGSEGV, SEGV_MAPERR) == "SIGSEGV: address 0x401136 not mapped, executed by thread 43 `worker`");
  CHECK(words_for(SIGSEGV, SEGV_ACCERR, 0x600000, "r-- /usr/bin/server") ==
        "SIGSEGV: address 0x600000 not allowed (its mapping is r--), read by thread 43 `worker`");
  CHECK(words_for(SIGSEGV, SI_KERNEL, 0) ==
        "SIGSEGV: an impossible address (not canonical; the processor does not tell it) read by thread 43 `worker`");
  CHECK(words_for(SIGFPE, FPE_INTDIV) == "SIGFPE: integer divided by zero, at address 0x401136 by thread 43 `worker`");
  CHECK(words_for(SIGTRAP, SI_KERNEL, 0) ==
        "SIGTRAP: a breakpoint instruction without a debugger, at address 0x401135 by thread 43 `worker`");
  CHECK(words_for(SIGTRAP, TRAP_TRACE) == "SIGTRAP: a single step, at address 0x401136 by thread 43 `worker`");
  Snapshot raised = crash();
  raised.core->signal = SIGABRT;
  raised.core->signal_code = SI_TKILL;
  raised.core->sender_pid = 42;
  CHECK(signal_words(raised) == "SIGABRT, raised by thread 43 `worker` itself");
  raised.core->sender_pid = 7;
  CHECK(signal_words(raised) == "SIGABRT, sent by process 7 of user 0");
  raised.core->signal = 0;
  CHECK(signal_words(raised) == "no signal: a debugger wrote the core of the live process");
  CHECK_FALSE(ended_by_signal(*raised.core));
}

TEST_CASE("a trap is the end of a program, unless a debugger wrote the core") {
  Snapshot trapped = crash();
  trapped.core->signal = SIGTRAP;
  trapped.core->signal_code = SI_KERNEL;
  CHECK(ended_by_signal(*trapped.core));
  CHECK(cause_words(trapped).starts_with("the program stopped itself"));
  trapped.core->by_debugger = true;
  CHECK_FALSE(ended_by_signal(*trapped.core));
  CHECK(signal_words(trapped) == "no signal: a debugger wrote the core of the live process");
  trapped.core->signal = SIGSEGV;
  CHECK(ended_by_signal(*trapped.core));
  trapped.core->signal = SIGILL;
  trapped.core->instruction = "\x0f\x0b\x90";
  CHECK(cause_words(trapped).starts_with("the program stopped itself with ud2"));
}

TEST_CASE("causes that the stack and the address tell") {
  CHECK(cause_words(crash()) == "a null pointer was used, with an offset from it");
  Snapshot deep = crash();
  deep.core->address = 0x7f5500000ff8;
  deep.core->address_mapping = "--- ";
  CHECK(cause_words(deep).starts_with("the stack of the thread is used up"));
  deep.core->address_mapping = "rw- ";  // its own stack cannot be used up where it is writable
  CHECK(cause_words(deep).empty());
  Snapshot thrown = crash();
  thrown.core->signal = SIGABRT;
  CHECK(cause_words(thrown) == "abort() was called");
  thrown.stacks->frames[0].symbol = "runtime.gopanic";
  CHECK(cause_words(thrown) == "a panic that nobody recovered from");
  thrown.stacks->frames[0].symbol = "__cxa_throw";
  CHECK(cause_words(thrown) == "an exception was thrown that nobody caught");
}

TEST_CASE("instructions tell whether memory was read or written") {
  CHECK(memory_access("\x8b\x47\x0c") == MemoryAccess::kRead);                                    // mov 0xc(%rdi),%eax
  CHECK(memory_access("\x48\x8b\x07") == MemoryAccess::kRead);                                    // mov (%rdi),%rax
  CHECK(memory_access("\x0f\xb6\x07") == MemoryAccess::kRead);                                    // movzbl (%rdi),%eax
  CHECK(memory_access("\x48\x39\x07") == MemoryAccess::kRead);                                    // cmp %rax,(%rdi)
  CHECK(memory_access(std::string_view("\xc7\x00\x03\x00\x00\x00", 6)) == MemoryAccess::kWrite);  // movl $3,(%rax)
  CHECK(memory_access("\x66\x89\x07") == MemoryAccess::kWrite);                                   // mov %ax,(%rdi)
  CHECK(memory_access("\x01\x07") == MemoryAccess::kWrite);                                       // add %eax,(%rdi)
  CHECK(memory_access("\xff\x10") == MemoryAccess::kRead);                                        // call *(%rax)
  CHECK(memory_access("") == MemoryAccess::kUnknown);
  CHECK(memory_access("\x66\x66") == MemoryAccess::kUnknown);
}

TEST_CASE("the finding of a crash names signal, function and callers") {
  auto findings = analyse(crash());
  REQUIRE(!findings.empty());
  CHECK(findings[0].id == "crashed");
  CHECK(findings[0].detail ==
        "server (pid 42) was ended by SIGSEGV: address 0xc not mapped, read by thread 43 `worker`, in read_order "
        "(order.cc:8), called by handle. A null pointer was used, with an offset from it.");
}

TEST_CASE("the runtime above the Go function that failed is left out, unless there is nothing else") {
  Snapshot snapshot = crash();
  snapshot.core->signal = SIGABRT;
  snapshot.core->signal_code = SI_TKILL;
  snapshot.core->sender_pid = 42;
  snapshot.stacks->frames[0] = Frame{};
  snapshot.stacks->frames[0].symbol = "runtime.gopanic";
  snapshot.stacks->frames[1].symbol = "main.boom";
  CHECK(analyse(snapshot).at(0).detail ==
        "server (pid 42) was ended by SIGABRT, raised by thread 43 `worker` itself, in main.boom. A panic that nobody "
        "recovered from.");
  snapshot.stacks->frames[1].symbol = "runtime.main";
  CHECK(analyse(snapshot).at(0).detail.find("in runtime.gopanic, called by runtime.main") != std::string::npos);
}

TEST_CASE("the raw form of a core becomes threads and process") {
  RawStore store;
  auto add = [&](const char* path, std::string bytes) {
    ArtifactRow row;
    row.path = path;
    store.add(row, std::move(bytes));
  };
  add("raw/core.json", R"({"file":{"path":"/c","bytes":5,"whole_bytes":9,"memory_bytes":8,"missing_bytes":4},
    "problems":["they end within a note"],"process":{"pid":42,"ppid":1,"uid":1000,"comm":"server"},
    "signal":{"tid":43,"number":11,"code":1,"address":"0xc","instruction":"8b470c"},"registers":[["rip","0x401136"]],
    "threads":[{"tid":43,"user_seconds":1.5},{"tid":42,"call":{"number":202,"sp":"0x7ffd0000","pc":"0x402000",
    "arguments":["0x601040","0x80","0x2","0x0","0x0","0x0"]}}],
    "programs":[{"path":"/opt/server","begin":"0x400000","build_id":"ab","executable":true,"problem":"gone"}]})");
  add("raw/core/cmdline", std::string("./server\0--port\0", 16));
  Snapshot snapshot;
  parse_core(store, snapshot);
  REQUIRE(snapshot.core);
  CHECK(snapshot.core->missing_bytes == 4);
  CHECK(snapshot.core->instruction == "\x8b\x47\x0c");
  CHECK(snapshot.core->reg("rip") == 0x401136);
  CHECK(snapshot.target.exe == "/opt/server");
  REQUIRE(snapshot.threads);
  REQUIRE(snapshot.threads->size() == 2);
  CHECK((*snapshot.threads)[0].name == "server");  // of the others no name is kept
  CHECK((*snapshot.threads)[1].name == "");
  REQUIRE((*snapshot.threads)[0].call);
  CHECK((*snapshot.threads)[0].call->text == "futex(FUTEX_WAIT_PRIVATE 0x601040, value 2, no timeout)");
  CHECK((*snapshot.threads)[1].user_cpu_seconds == 1.5);
  CHECK(snapshot.process.command_line.value_or({}) == std::vector<std::string>{"./server", "--port"});
  for (const char* hostile :
       {"[]", "{\"threads\":3,\"registers\":[[1]],\"signal\":[]}", "{\"file\":{\"bytes\":-1}}", "x"}) {
    add("raw/core.json", hostile);
    Snapshot other;
    parse_core(store, other);
    CHECK((!other.threads || other.threads->empty()));
  }
}

}  // namespace ec
