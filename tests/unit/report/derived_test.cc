#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "collector/report/page.h"
#include "tests/unit/analysis/healthy_snapshot.h"

using namespace ec;
using namespace ec::test;

namespace {

std::string bytes_of(const std::vector<DerivedArtifact>& artifacts, std::string_view path) {
  for (auto& artifact : artifacts)
    if (artifact.path == path) return artifact.bytes;
  return "";
}

Snapshot with_stacks() {
  Snapshot s = healthy();
  Stacks stacks;
  Frame poll, run;
  poll.pc = 0x7f0000001234, poll.symbol = "epoll_wait", poll.symbol_offset = 0x5e, poll.module = "/lib/libc.so.6",
  poll.found_by = "registers";
  run.pc = 0x55d000, run.symbol = "std::function<void (\"quoted\\\")>", run.module = "/usr/bin/redis-server",
  run.module_offset = 0x1000, run.found_by = "cfi";
  stacks.frames = {poll, run};
  stacks.stacks = {{{0, 1}, "root"}, {{1}, "no-unwind-info"}};
  stacks.threads = {{42, "no-stop", 1, 0, false, ""},
                    {43, "no-stop", 0, 0, false, ""},
                    {44, "ptrace", 0, 12.5, true, ""},
                    {45, "proc", std::nullopt, 0, false, "thread ended"}};
  stacks.pause.mode = stacks.pause.asked = "auto", stacks.pause.threads_stopped = 1, stacks.pause.stop_us = 13;
  s.stacks = stacks;
  (*s.threads)[1].kernel_frames = std::vector<std::string>{"ep_poll+0x1", "do_epoll_wait+0x2"};
  (*s.threads)[0].name = "red\x01is\xff";
  return s;
}

}  // namespace

TEST_CASE("threads/stacks.json keeps the contract") {
  auto root = nlohmann::json::parse(bytes_of(derived_artifacts(with_stacks(), RawStore()), "threads/stacks.json"));
  for (auto* key : {"mode", "budget_us", "stop_us", "worst_thread_us", "threads_stopped", "threads_read_without_stop",
                    "syscalls_interrupted"})
    CHECK(root["pause"].contains(key));
  REQUIRE(root["threads"].size() == 4);
  auto& thread = root["threads"][1];
  for (auto* key : {"tid", "name", "state", "wchan", "syscall", "read_by", "frames", "kernel_frames", "end"})
    CHECK(thread.contains(key));
  CHECK(thread["kernel_frames"].size() == 2);
  CHECK(thread["end"] == "root");
  auto& frame = thread["frames"][0];
  for (auto* key :
       {"pc", "module", "build_id", "module_offset", "symbol", "symbol_offset", "file", "line", "inlined", "found_by"})
    CHECK(frame.contains(key));
  CHECK(frame["pc"] == "0x7f0000001234");
  CHECK(frame["symbol_offset"] == 0x5e);
  CHECK(thread["frames"][1]["symbol"] == "std::function<void (\"quoted\\\")>");
  REQUIRE(root["groups"].size() == 3);
  CHECK(root["groups"][0]["count"] == 2);
  CHECK(root["groups"][0]["tids"] == std::vector<int>{43, 44});
  CHECK(root["groups"][0]["frames"].size() == 2);
  CHECK(root["threads"][3]["frames"].empty());
}

TEST_CASE("threads/stacks.txt: groups, tids and names, kernel and user frames") {
  std::string text = bytes_of(derived_artifacts(with_stacks(), RawStore()), "threads/stacks.txt");
  CHECK(text.starts_with("4 threads in 3 groups"));
  CHECK(text.find("2 threads × state S") < text.find("1 thread × state S"));
  CHECK(text.find("43=bio_close_file 44=bio_aof_fsync") != std::string::npos);
  CHECK(text.find("k  ep_poll+0x1") != std::string::npos);
  CHECK(text.find(" 0  epoll_wait+0x5e  /lib/libc.so.6") != std::string::npos);
  CHECK(text.find("(not complete: no-unwind-info)") != std::string::npos);
  CHECK(text.find("(no user stack: thread ended)") != std::string::npos);
  CHECK(text.find('\x01') == std::string::npos);
}

TEST_CASE("threads without stacks are listed all the same") {
  Snapshot s = healthy();
  auto artifacts = derived_artifacts(s, RawStore());
  CHECK(bytes_of(artifacts, "threads/stacks.txt").find("No user stacks") != std::string::npos);
  auto root = nlohmann::json::parse(bytes_of(artifacts, "threads/stacks.json"));
  CHECK(root["pause"].is_null());
  CHECK(root["threads"].size() == 4);
}

TEST_CASE("ten thousand threads on one stack") {
  Snapshot s = with_stacks();
  s.threads = std::vector<Thread>{};
  s.stacks->threads.clear();
  for (int tid = 1; tid <= 10'000; ++tid) {
    s.threads->push_back(thread(tid, "worker"));
    s.stacks->threads.push_back({tid, "no-stop", 0, 0, false, ""});
  }
  auto artifacts = derived_artifacts(s, RawStore());
  auto root = nlohmann::json::parse(bytes_of(artifacts, "threads/stacks.json"));
  CHECK(root["threads"].size() == 10'000);
  CHECK(root["groups"][0]["count"] == 10'000);
  CHECK(bytes_of(artifacts, "threads/stacks.txt").size() < 400'000);
}

TEST_CASE("process/fds.json and open_files.txt") {
  Snapshot s = healthy();
  s.files->sockets[1].peers = {{4711, "cli\"ent", 5}};
  s.files->sockets[1].rtt_ms = 0.25;
  OpenFile file;
  file.fd = 9, file.kind = "file", file.target = "/var/log/\xff\"x", file.deleted = true, file.flags = {"O_APPEND"},
  file.position = 12;
  s.files->files.push_back(file);
  OpenFile pipe;
  pipe.fd = 10, pipe.kind = "pipe", pipe.access = "r", pipe.target = "pipe:[7]";
  pipe.peers = {{11, "worker", 1}, {11, "worker", 2}, {12, "worker", 1}};
  s.files->files.push_back(pipe);
  s.files->count = 4;
  auto artifacts = derived_artifacts(s, RawStore());
  auto root = nlohmann::json::parse(bytes_of(artifacts, "process/fds.json"));
  CHECK(root["count"] == 4);
  REQUIRE(root["files"].size() == 4);
  CHECK(root["files"][0]["socket"]["state"] == "LISTEN");
  CHECK(root["files"][0]["socket"]["backlog"] == 511);
  CHECK(root["files"][1]["socket"]["peers"][0]["comm"] == "cli\"ent");
  CHECK(root["files"][2]["deleted"] == true);
  CHECK(root["files"][2]["flags"][0] == "O_APPEND");
  std::string text = bytes_of(artifacts, "process/open_files.txt");
  CHECK(text.find("      1  TCP listeners") != std::string::npos);
  CHECK(text.find("⇄ 4711/cli\"ent") != std::string::npos);
  CHECK(text.find("(deleted)") != std::string::npos);
  CHECK(text.find("pipe:[7] ⇄ 11/worker, 12/worker\n") != std::string::npos);
}

TEST_CASE("an empty list of files is valid JSON") {
  Snapshot s = healthy();
  s.files = OpenFiles{};
  CHECK(nlohmann::json::parse(bytes_of(derived_artifacts(s, RawStore()), "process/fds.json"))["files"].empty());
}

TEST_CASE("process/ holds copies of the raw files that were read") {
  RawStore store;
  ArtifactRow row;
  row.path = "raw/proc/42/maps";
  store.add(row, "7f00-7f01 r-xp\n");
  row.path = "raw/proc/42/environ", row.status = Status::kFailed, row.reason = "denied";
  store.add(row, "");
  auto artifacts = derived_artifacts(healthy(), store);
  CHECK(bytes_of(artifacts, "process/maps") == "7f00-7f01 r-xp\n");
  CHECK(std::none_of(artifacts.begin(), artifacts.end(),
                     [](auto& artifact) { return artifact.path == "process/environ"; }));
}

TEST_CASE("system/ tables exist and hold what the evidence cites") {
  Snapshot s = healthy();
  s.host.blocked = std::vector<BlockedTask>{{42, 43, "worker", "io_schedule", {"io_schedule+0x42"}, true, true}};
  s.host.kernel_log = std::vector<KernelLogLine>{{3, 12.5, 30, "I/O error\nforged line"}};
  s.sockets = SocketSummary{};
  InterfaceRates eth;
  eth.name = "eth0", eth.rx_bytes = 2048;
  s.host.interfaces = std::vector<InterfaceRates>{eth};
  auto artifacts = derived_artifacts(s, RawStore());
  for (auto* path : {"system/overview.txt", "system/cpu.txt", "system/memory.txt", "system/pressure.txt",
                     "system/disks.txt", "system/filesystems.txt", "system/network.txt", "system/sockets.txt",
                     "system/processes.txt", "system/kernel.txt", "system/blocked.txt", "system/kernel_log.txt",
                     "forensics.txt", "process/tree.txt", "process/memory.txt"}) {
    INFO(path);
    CHECK_FALSE(bytes_of(artifacts, path).empty());
  }
  CHECK(bytes_of(artifacts, "system/blocked.txt").find("worker pid 42 tid 43, of the target, in both readings") !=
        std::string::npos);
  CHECK(bytes_of(artifacts, "system/kernel_log.txt") == "[   12.500000] err    I/O error forged line\n");
  CHECK(bytes_of(artifacts, "system/filesystems.txt").find("used by the target") != std::string::npos);
}

TEST_CASE("nothing collected: nothing derived but what is known") {
  CHECK(derived_artifacts(Snapshot{}, RawStore()).empty());
}
