#include <catch2/catch.hpp>

#include "collector/analysis/words.h"
#include "tests/unit/analysis/healthy_snapshot.h"

using namespace ec;
using namespace ec::test;

TEST_CASE("connection-backlog: the queue of a listener") {
  Snapshot s = healthy();
  auto& listener = s.files->sockets.front();
  auto with = [&](uint64_t waiting, uint32_t backlog) {
    listener.receive_queue = waiting, listener.backlog = backlog;
    return severity(s, "connection-backlog");
  };
  CHECK(with(0, 511) == "");
  CHECK(with(255, 511) == "");
  CHECK(with(256, 511) == "medium");
  CHECK(with(420, 511) == "high");
  CHECK(with(511, 511) == "critical");
  CHECK(with(1, 1) == "");  // one waiting is what a backlog of one is for
  CHECK(with(2, 1) == "critical");
  CHECK(with(5, 0) == "");
}

TEST_CASE("connection-backlog by the counters: now, or long ago") {
  Snapshot s = healthy();
  s.host.tcp->listen_overflows_total = 5000;
  CHECK(severity(s, "connection-backlog") == "info");
  s.host.tcp->listen_overflows = 3;
  CHECK(severity(s, "connection-backlog") == "high");
}

TEST_CASE("connection-backlog: what overflows is named, and is not held against a target that it is not of") {
  Snapshot s = healthy();
  s.host.tcp->listen_overflows = 3, s.host.tcp->listen_overflows_total = 5000;
  SocketSummary sockets;
  Socket full = tcp("LISTEN", "127.0.0.1:80", "0.0.0.0:0");
  full.receive_queue = 2, full.backlog = 1;
  sockets.listening = {s.files->sockets.front(), full};
  sockets.listening_owner = {{42, "redis-server"}, {7, "nginx"}};
  s.sockets = sockets;
  auto found = findings_of(s, "connection-backlog");
  REQUIRE(found.size() == 1);
  CHECK(to_string(found.front().severity) == "low");
  CHECK(found.front().title == "Accept queues of other processes overflow: 3.0 connections/s dropped");
  CHECK(found.front().detail.ends_with(
      " redis-server has none that is full. Full is 127.0.0.1:80 of nginx (pid 7): 2 wait, the queue holds 1."));

  // Nobody's is full at the moment: it may be the target's a millisecond later, unless it does not listen.
  s.sockets->listening = {};
  CHECK(severity(s, "connection-backlog") == "high");
  s.files->sockets.front().state = "ESTABLISHED";
  CHECK(severity(s, "connection-backlog") == "low");
  CHECK(findings_of(s, "connection-backlog").front().detail.ends_with(" redis-server does not listen itself."));
}

TEST_CASE("connection-leak: old CLOSE_WAIT sockets in numbers") {
  auto with = [](int count, std::optional<double> last_receive_ms) {
    Snapshot s = healthy();
    for (int i = 0; i < count; ++i) {
      Socket socket = tcp("CLOSE_WAIT", "10.0.0.1:6379", "10.0.0.9:1000");
      socket.last_receive_ms = last_receive_ms;
      add_socket(*s.files, socket);
    }
    return severity(s, "connection-leak");
  };
  CHECK(with(19, 60'000) == "");
  CHECK(with(20, 60'000) == "low");
  CHECK(with(100, 60'000) == "medium");
  CHECK(with(100, 500) == "");  // closing just now
  CHECK(with(100, std::nullopt) == "medium");
  CHECK(with(500, 60'000) == "high");  // half of the descriptor limit
}

TEST_CASE("connection-leak: a few among many connections are ordinary") {
  Snapshot s = healthy();
  for (int i = 0; i < 60; ++i) add_socket(*s.files, tcp("ESTABLISHED", "10.0.0.1:6379", "10.0.0.9:1000"));
  for (int i = 0; i < 30; ++i) add_socket(*s.files, tcp("CLOSE_WAIT", "10.0.0.1:6379", "10.0.0.9:1000"));
  CHECK(severity(s, "connection-leak") == "");
}

TEST_CASE("retransmits: a tiny sample never gives a finding") {
  Snapshot s = healthy();                                           // 0.3 s
  s.host.tcp->out_segments = 160, s.host.tcp->retransmitted = 160;  // 48 segments, all of them again
  s.host.tcp->retransmitted_total = 900'000;
  CHECK(severity(s, "retransmits") == "");
}

TEST_CASE("retransmits: a middling sample needs a history, a large one does not") {
  Snapshot s = healthy();
  s.host.tcp->out_segments = 1000, s.host.tcp->retransmitted = 50;  // 300 segments, 15 again
  CHECK(severity(s, "retransmits") == "");
  s.host.tcp->retransmitted_total = 20'000;  // 2 % since boot
  CHECK(severity(s, "retransmits") == "medium");
  s.host.tcp->retransmitted_total = 100;
  s.host.tcp->out_segments = 10'000, s.host.tcp->retransmitted = 1200;
  CHECK(severity(s, "retransmits") == "high");
  s.host.tcp->retransmitted = 200;
  CHECK(severity(s, "retransmits") == "");
}

TEST_CASE("retransmits: the share is of all segments sent, never over 100 %") {
  TcpRates tcp;
  tcp.out_segments = 40, tcp.retransmitted = 120;
  CHECK(retransmitted_share(tcp) == Approx(0.75));
  CHECK(retransmitted_share(TcpRates{}) == 0);
}

TEST_CASE("retransmits: a connect without an answer") {
  Snapshot s = healthy();
  Socket socket = tcp("SYN_SENT", "10.0.0.1:40000", "10.0.0.9:5432");
  socket.retransmits_now = 1;
  add_socket(*s.files, socket);
  CHECK(severity(s, "retransmits") == "");
  add_socket(*s.files, socket);
  auto found = findings_of(s, "retransmits");
  REQUIRE(found.size() == 1);
  CHECK(found.front().title == "10.0.0.9:5432 answers no connection");
}

TEST_CASE("retransmits: a vanished client among many is ordinary") {
  Snapshot s = healthy();
  for (int i = 0; i < 100; ++i) {
    Socket socket = tcp("ESTABLISHED", "10.0.0.1:6379", "192.0.2.1:1000");
    socket.retransmits_now = i < 4 ? 6 : 0;
    add_socket(*s.files, socket);
  }
  CHECK(severity(s, "retransmits") == "");
  for (auto& socket : s.files->sockets) socket.retransmits_now = 6;
  CHECK(severity(s, "retransmits") == "high");
}

TEST_CASE("conntrack-full") {
  Snapshot s = healthy();
  s.host.conntrack_used = uint64_t{200'000};
  CHECK(severity(s, "conntrack-full") == "");
  s.host.conntrack_used = uint64_t{262'144};
  CHECK(severity(s, "conntrack-full") == "critical");
  s.host.conntrack_limit = uint64_t{0};
  CHECK(severity(s, "conntrack-full") == "");
}
