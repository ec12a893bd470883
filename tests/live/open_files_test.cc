#include "collector/collectors/open_files.h"

#include <sys/resource.h>

#include <catch2/catch.hpp>

#include "collector/collectors/logs.h"
#include "collector/collectors/sockets.h"
#include "tests/live/files_sink.h"
#include "tests/live/files_target.h"
#include "tests/support/place.h"

using namespace ec;

namespace {

Snapshot collect(pid_t pid) {
  Snapshot snapshot = collected(
      pid, {{gather_open_files, parse_open_files}, {gather_sockets, parse_sockets}, {gather_logs, parse_logs}});
  REQUIRE(snapshot.files);
  REQUIRE(snapshot.sockets);
  return snapshot;
}

const OpenFile& file_of(const Snapshot& snapshot, int fd) {
  for (const OpenFile& file : snapshot.files->files)
    if (file.fd == fd) return file;
  FAIL("descriptor " << fd << " is missing");
  throw std::logic_error("unreachable");
}

const Socket& socket_of(const Snapshot& snapshot, int fd) {
  const OpenFile& file = file_of(snapshot, fd);
  REQUIRE(file.socket);
  return snapshot.files->sockets.at(*file.socket);
}

}  // namespace

TEST_CASE("every kind of descriptor is told apart") {
  FilesTarget target;
  const auto& facts = target.facts();
  Snapshot snapshot = collect(facts.target);
  auto file = [&](int fd) -> const OpenFile& { return file_of(snapshot, fd); };

  CHECK(file(facts.deleted).kind == "file");
  CHECK(file(facts.deleted).deleted);
  CHECK(file(facts.deleted).size_bytes == 9000);
  CHECK(file(facts.deleted).blocks_bytes.value_or(0) >= 9000);
  CHECK(file(facts.deleted).position == 9000);
  CHECK(file(facts.memfd).kind == "memfd");
  CHECK(file(facts.event).words == "count 3");
  CHECK(file(facts.epoll).kind == "epoll");
  CHECK(file(facts.epoll).epoll_targets.size() == 2);
  CHECK(file(facts.timer).words.find("CLOCK_MONOTONIC, due in 59 min") == 0);
  CHECK(file(facts.signal).words == "SIGHUP");
  CHECK(file(facts.inotify).words == "1 watch");
  CHECK(file(facts.pidfd).words == "process " + std::to_string(facts.peer));
  CHECK(file(facts.log).access == "rw");
  CHECK(file(facts.log).flags == std::vector<std::string>{"O_APPEND", "O_CLOEXEC"});
  CHECK(snapshot.files->by_kind.at("socket") == snapshot.files->sockets.size());
}

TEST_CASE("the other ends of pipes, unix sockets and local connections are found") {
  FilesTarget target;
  const auto& facts = target.facts();
  Snapshot snapshot = collect(facts.target);

  const OpenFile& pipe = file_of(snapshot, facts.pipe_write);
  REQUIRE(pipe.peers.size() == 1);
  CHECK(pipe.peers[0].pid == facts.peer);
  CHECK(pipe.peers[0].comm == "files-peer");
  const Socket& pair = socket_of(snapshot, facts.pair);
  CHECK(pair.state == "CONNECTED");
  REQUIRE(pair.peers.size() == 1);
  CHECK(pair.peers[0].pid == facts.peer);
  const Socket& connection = socket_of(snapshot, facts.connection);
  CHECK(connection.state == "ESTABLISHED");
  CHECK(connection.remote == "127.0.0.1:" + std::to_string(facts.peer_port));
  CHECK(connection.receive_queue == 5);
  CHECK(connection.bytes_received == 5);
  CHECK(connection.rtt_ms);
  REQUIRE(connection.peers.size() == 1);
  CHECK(connection.peers[0].pid == facts.peer);
  // Nobody accepted this connection: its other end is with the listener, which is the target's own.
  const Socket& waiting = socket_of(snapshot, facts.unix_client);
  REQUIRE(waiting.peers.size() == 1);
  CHECK(waiting.peers[0].pid == facts.target);
  CHECK(waiting.peers[0].fd == facts.unix_server);
  CHECK(waiting.remote == "@files-target-" + std::to_string(facts.target));
}

TEST_CASE("a full backlog and a pile of half-closed connections show") {
  FilesTarget target;
  const auto& facts = target.facts();
  Snapshot snapshot = collect(facts.target);

  const Socket& full = socket_of(snapshot, facts.full_listener);
  CHECK(full.state == "LISTEN");
  CHECK(full.backlog == 2u);
  CHECK(full.receive_queue == 3);
  for (int fd : facts.close_wait) CHECK(socket_of(snapshot, fd).state == "CLOSE_WAIT");
  CHECK(socket_of(snapshot, facts.netlink).family == "netlink");
  CHECK(socket_of(snapshot, facts.udp).state == "UNCONNECTED");
  const Socket& unix_listener = socket_of(snapshot, facts.unix_server);
  CHECK(unix_listener.local == "@files-target-" + std::to_string(facts.target));
  CHECK(unix_listener.backlog == 7u);
  CHECK(unix_listener.receive_queue == 1);

  bool listed = false;
  for (size_t i = 0; i < snapshot.sockets->listening.size(); ++i) {
    if (snapshot.sockets->listening[i].local != "127.0.0.1:" + std::to_string(facts.peer_port)) continue;
    listed = true;
    CHECK(snapshot.sockets->listening_owner[i].pid == facts.peer);
  }
  CHECK(listed);
}

TEST_CASE("a target in its own network namespace shows its own sockets, and we stay in ours") {
  if (!test::user_namespaces_work() && !test::may_mount()) return test::not_run_here("needs root or user namespaces");
  std::string before = read_link("/proc/self/ns/net").value_or("");
  FilesTarget target(true);
  const auto& facts = target.facts();
  Snapshot snapshot = collect(facts.target);
  CHECK(socket_of(snapshot, facts.connection).state == "ESTABLISHED");
  CHECK(socket_of(snapshot, facts.connection).peers.at(0).pid == facts.peer);
  CHECK(socket_of(snapshot, facts.full_listener).backlog == 2u);
  CHECK(snapshot.sockets->tcp_by_state.at("LISTEN") == 3);
  CHECK(snapshot.sockets->tcp_by_state.at("CLOSE_WAIT") == 5);
  CHECK(read_link("/proc/self/ns/net").value_or("") == before);
}

TEST_CASE("the tail of a deleted log is kept and its errors are counted") {
  FilesTarget target;
  const auto& facts = target.facts();
  Snapshot snapshot = collect(facts.target);
  REQUIRE(snapshot.logs);
  const LogTail* log = nullptr;
  for (const LogTail& tail : snapshot.logs->tails)
    if (tail.fd == facts.log) log = &tail;
  REQUIRE(log);
  CHECK(log->deleted);
  CHECK(log->tail_bytes == log->size_bytes);
  bool found = false;
  for (const LogDigestLine& line : snapshot.logs->digest)
    if (line.pattern == "# # ERROR request # failed") {
      found = true;
      CHECK(line.count == 6);
      CHECK(line.line == 6);
      CHECK(line.artifact == log->artifact);
    }
  CHECK(found);
  CHECK(snapshot.logs->errors_per_minute.value_or(0) == Approx(1.2));
}

TEST_CASE("ten thousand descriptors are listed whole") {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  REQUIRE(limit.rlim_max >= 10'100);
  int ready[2];
  REQUIRE(pipe(ready) == 0);
  pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(120);
    rlimit more{limit.rlim_max, limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, &more);
    int pair[2];
    for (int i = 0; i < 2500; ++i) {
      if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 || pipe(pair) != 0) _exit(1);
    }
    if (write(ready[1], "r", 1) != 1) _exit(1);
    while (true) pause();
  }
  close(ready[1]);
  char byte;
  REQUIRE(read(ready[0], &byte, 1) == 1);
  Snapshot snapshot = collect(pid);
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  close(ready[0]);
  CHECK(snapshot.files->count >= 10'000);
  CHECK_FALSE(snapshot.files->truncated);
  CHECK(snapshot.files->by_kind.at("pipe") >= 5000);
  CHECK(snapshot.files->by_kind.at("socket") >= 5000);
  // All of them talk to the process itself.
  for (const Socket& socket : snapshot.files->sockets) REQUIRE(socket.peers.size() == 1);
}
