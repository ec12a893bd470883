#include "collector/collectors/threads.h"

#include <catch2/catch.hpp>

#include "collector/collectors/stacks.h"
#include "collector/collectors/syscalls.h"

namespace ec {

namespace {

// Recorded from a C++ program of two threads on Linux 6.18, x86-64.
constexpr std::string_view kStat =
    "4712 (wor) ker 1) S 1 4711 4711 0 -1 4194368 12 0 3 0 250 50 0 0 20 -5 2 0 1000 28778496 388 18446744073709551615 "
    "1 1 0 0 0 0 0 0 "
    "0 0 0 0 -1 3 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
constexpr std::string_view kStatus =
    "Name:\twor) ker 1\nState:\tS (sleeping)\nPid:\t4712\nNSpid:\t4712\t7\n"
    "voluntary_ctxt_switches:\t1200\nnonvoluntary_ctxt_switches:\t34\n";
constexpr std::string_view kStack =
    "[<0>] futex_do_wait+0x38/0x70\n[<0>] __futex_wait+0x8c/0x120\n[<0>] nf_hook+0x10/0x40 [nf_tables]\n";

void add(RawStore& store, std::string path, double at_ms, std::string bytes) {
  ArtifactRow row;
  row.path = std::move(path);
  row.at_ms = at_ms;
  store.add(std::move(row), std::move(bytes));
}

RawStore two_readings() {
  RawStore store;
  add(store, "raw/host/constants", 0, "clock_ticks 100\nboottime_ns 70000000000\n");
  std::string first, second;
  append_section(first, "machine", "x86_64");
  append_section(first, "4712/stat", kStat);
  append_section(first, "4712/schedstat", "3000000000 500000000 9999\n");
  append_section(first, "4712/status", kStatus);
  append_section(first, "4712/wchan", "futex_do_wait");
  append_section(first, "4712/syscall", "202 0x7f5b2c000b20 0x80 0x2 0x0 0x0 0x0 0x7f5b33ffed10 0x7f5b3a2a5f16\n");
  append_section(first, "4712/stack", kStack);
  append_section(first, "4713/stat", "4713 (busy) R 1 4711 4711 0 -1 4194368 0 0 0 0 9 0 0 0 20 0 2 0 2000 0 0\n");
  append_section(first, "4713/syscall", "running\n");
  append_failed_section(first, "4713/stack", Error{ErrorCode::kDenied, "", "", 13});
  append_section(second, "4712/stat", kStat);
  append_section(second, "4712/schedstat", "3500000000 600000000 10999\n");
  add(store, "raw/proc/4711/task.bundle", 10, first);
  add(store, "raw/second/proc/4711/task.bundle", 1010, second);
  std::string futexes;
  append_section(futexes, "4712/7f5b2c000b20", std::string(112, 'x'));
  append_section(futexes, "9999/10", "nobody");
  add(store, "raw/futex.bundle", 20, futexes);
  return store;
}

Snapshot parsed(const RawStore& store) {
  Snapshot snapshot;
  snapshot.target.pid = 4711;
  parse_threads(store, snapshot);
  return snapshot;
}

BlockedCall call_of(long number, std::vector<uint64_t> arguments) {
  BlockedCall call;
  call.number = number;
  call.name = std::string(syscall_name("x86_64", number));
  arguments.resize(6);
  call.arguments = std::move(arguments);
  return call;
}

}  // namespace

TEST_CASE("a thread from its files") {
  Snapshot snapshot = parsed(two_readings());
  REQUIRE(snapshot.threads);
  REQUIRE(snapshot.threads->size() == 2);
  const Thread& thread = (*snapshot.threads)[0];
  CHECK(thread.tid == 4712);
  CHECK(thread.ns_tid == 7);
  CHECK(thread.name == "wor) ker 1");
  CHECK(thread.state == 'S');
  CHECK(thread.user_cpu_seconds == Approx(2.5));
  CHECK(thread.system_cpu_seconds == Approx(0.5));
  CHECK(thread.age_seconds == Approx(60));
  CHECK(thread.nice == -5);
  CHECK(thread.last_cpu == 3);
  CHECK(thread.voluntary_switches == 1200);
  CHECK(thread.involuntary_switches == 34);
  CHECK(thread.wchan == "futex_do_wait");
  REQUIRE(thread.call);
  CHECK(thread.call->name == "futex");
  CHECK(thread.call->text == "futex(FUTEX_WAIT_PRIVATE 0x7f5b2c000b20, value 2, no timeout)");
  REQUIRE(thread.kernel_frames);
  CHECK(*thread.kernel_frames ==
        std::vector<std::string>{"futex_do_wait+0x38", "__futex_wait+0x8c", "nf_hook+0x10 [nf_tables]"});
  REQUIRE(thread.futex);
  CHECK(thread.futex->address == 0x7f5b2c000b20);
  CHECK(thread.futex->bytes.size() == 112);
}

TEST_CASE("rates come from the second reading") {
  Snapshot snapshot = parsed(two_readings());
  REQUIRE(snapshot.threads);
  CHECK(*(*snapshot.threads)[0].cpu_cores == Approx(0.5));
  CHECK(*(*snapshot.threads)[0].run_delay == Approx(0.1));
  CHECK_FALSE((*snapshot.threads)[1].cpu_cores);
}

TEST_CASE("a running thread has no call, and a refused file keeps its reason") {
  Snapshot snapshot = parsed(two_readings());
  const Thread& thread = (*snapshot.threads)[1];
  REQUIRE_FALSE(thread.call);
  CHECK(thread.call.why().code == ErrorCode::kUnsupported);
  CHECK(thread.call.why().detail == "running");
  REQUIRE_FALSE(thread.kernel_frames);
  CHECK(thread.kernel_frames.why().code == ErrorCode::kDenied);
}

TEST_CASE("without the artifact the reason stays") {
  Snapshot snapshot = parsed(RawStore{});
  REQUIRE_FALSE(snapshot.threads);
  CHECK(snapshot.threads.why().code == ErrorCode::kNotFound);
}

TEST_CASE("calls in words, with what stands behind their descriptor") {
  OpenFiles files;
  Socket socket;
  socket.family = "tcp";
  socket.local = "10.0.0.1:44";
  socket.remote = "10.0.0.9:5432";
  socket.state = "ESTABLISHED";
  files.sockets.push_back(socket);
  OpenFile database, log;
  database.fd = 31;
  database.socket = 0;
  log.fd = 40;
  log.target = "/var/log/app.log";
  log.deleted = true;
  files.files = {database, log};
  auto words = [&](int fd) { return describe_descriptor(files, fd); };

  CHECK(describe_call(call_of(45, {31, 0x7f00, 8192}), words) ==
        "recvfrom(fd 31 = tcp 10.0.0.1:44 → 10.0.0.9:5432 ESTABLISHED, 8192 bytes)");
  CHECK(describe_call(call_of(74, {40}), words) == "fsync(fd 40 = /var/log/app.log (deleted))");
  CHECK(describe_call(call_of(232, {5, 0x7f00, 64, 0xffffffff}), words) == "epoll_wait(fd 5, up to 64, no timeout)");
  CHECK(describe_call(call_of(7, {0x7f00, 2, 1500}), words) == "poll(up to 2, timeout 1.5 s)");
  CHECK(describe_call(call_of(73, {40, 2}), words) == "flock(fd 40 = /var/log/app.log (deleted), LOCK_EX)");
  CHECK(describe_call(call_of(61, {0xffffffffffffffff}), words) == "wait4(any child)");
  CHECK(describe_call(call_of(230, {1, 0, 0x7f00}), words) == "clock_nanosleep()");
  CHECK(describe_call(call_of(202, {0x7f00, 0x189, 0, 0x7fff}), words) ==
        "futex(FUTEX_WAIT_BITSET_PRIVATE 0x7f00, value 0, with a timeout)");
  CHECK(describe_call(call_of(257, {0xffffff9c, 0x7f00}), words) == "openat(the working directory)");
  CHECK(describe_call(call_of(9999, {1, 2}), words) == "syscall 9999(0x1, 0x2, 0x0, 0x0, 0x0, 0x0)");
  CHECK(describe_call(call_of(-1, {}), words) == "");
}

TEST_CASE("system calls have the names of their machine") {
  CHECK(syscall_name("x86_64", 0) == "read");
  CHECK(syscall_name("x86_64", 202) == "futex");
  CHECK(syscall_name("x86_64", 435) == "clone3");
  CHECK(syscall_name("aarch64", 98) == "futex");
  CHECK(syscall_name("aarch64", 63) == "read");
  CHECK(syscall_name("x86_64", 100000).empty());
  CHECK(syscall_name("x86_64", -1).empty());
  CHECK(syscall_name("s390x", 1).empty());
}

TEST_CASE("text beside a lock word is blanked, numbers and pointers stay") {
  std::string bytes("\x02\0\0\0\0\0\0\0\x68\x12\0\0\x01\0\0\0hunter2secret\0\0\0\x20\x0b\0\x2c\x5b\x7f\0\0", 40);
  std::string clean = without_text(bytes);
  CHECK(clean.size() == bytes.size());
  CHECK(clean.find("hunter2") == std::string::npos);
  CHECK(clean.substr(0, 16) == bytes.substr(0, 16));
  CHECK(clean.substr(32) == bytes.substr(32));
}

}  // namespace ec
