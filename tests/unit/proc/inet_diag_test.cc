#include "collector/proc/inet_diag.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <map>

#include "collector/proc/net_tcp.h"
#include "collector/proc/net_unix.h"

using namespace ec;

namespace {

std::string fixture(const std::string& name) {
  std::ifstream file(EC_FIXTURES "/fd-every-kind/" + name, std::ios::binary);
  REQUIRE(file);
  return std::string((std::istreambuf_iterator<char>(file)), {});
}

std::vector<InetSocket> inet(const std::string& bytes) {
  std::vector<InetSocket> sockets;
  auto parsed = parse_inet_diag("dump", bytes, [&](const InetSocket& socket) { sockets.push_back(socket); });
  REQUIRE(parsed);
  return sockets;
}

std::map<std::string, int> by_state(const std::vector<InetSocket>& sockets) {
  std::map<std::string, int> counts;
  for (const InetSocket& socket : sockets) ++counts[tcp_state_word(socket.state)];
  return counts;
}

}  // namespace

TEST_CASE("a dump of tcp sockets") {
  auto sockets = inet(fixture("raw/sock_diag/tcp4.bin"));
  auto states = by_state(sockets);
  CHECK(states["LISTEN"] == 3);
  CHECK(states["ESTABLISHED"] == 8);
  CHECK(states["CLOSE_WAIT"] == 5);
  CHECK(states["FIN_WAIT1"] == 5);
  for (const InetSocket& socket : sockets) {
    if (socket.state == 10 && socket.local.port == 42381) {
      CHECK(socket.receive_queue == 3);
      CHECK(socket.send_queue == 2);
    }
    if (socket.remote.port == 60033 && socket.state == 1) {
      CHECK(socket.local.text().starts_with("127.0.0.1:"));
      CHECK(socket.receive_queue == 5);
      REQUIRE(socket.tcp);
      CHECK(socket.tcp->bytes_received == 5u);
      CHECK(socket.tcp->rtt_us > 0);
      CHECK(socket.drops == 0u);
    }
  }
}

TEST_CASE("the text of /proc/net says the same as the dump") {
  auto dumped = inet(fixture("raw/sock_diag/tcp4.bin"));
  std::vector<InetSocket> text;
  REQUIRE(parse_net_tcp("tcp", fixture("net/tcp"), 100, [&](const InetSocket& socket) { text.push_back(socket); }));
  // Recorded a moment later: the other ends of what waits to be closed went on from FIN_WAIT1 to FIN_WAIT2.
  CHECK(text.size() == dumped.size());
  CHECK(by_state(text)["FIN_WAIT2"] == 5);
  std::map<uint64_t, InetSocket> by_inode;
  for (const InetSocket& socket : dumped) by_inode[socket.inode] = socket;
  for (const InetSocket& socket : text) {
    if (socket.inode == 0) continue;
    REQUIRE(by_inode.contains(socket.inode));
    CHECK(socket.local == by_inode[socket.inode].local);
    CHECK(socket.remote == by_inode[socket.inode].remote);
    CHECK(socket.receive_queue == by_inode[socket.inode].receive_queue);
    CHECK_FALSE(socket.backlog_known);
  }
  std::vector<InetSocket> udp;
  REQUIRE(parse_net_tcp("udp", fixture("net/udp"), 100, [&](const InetSocket& socket) { udp.push_back(socket); }));
  REQUIRE(udp.size() == 1);
  CHECK(udp[0].drops == 0u);
  CHECK(udp_state_word(udp[0].state) == "UNCONNECTED");
}

TEST_CASE("IPv6 addresses in text") {
  std::vector<InetSocket> sockets;
  REQUIRE(parse_net_tcp(
      "tcp6",
      "  sl  local_address\n"
      "   0: 00000000000000000000000001000000:1F90 0000000000000000FFFF00000100007F:0050 06 00000000:00000000 "
      "03:00000ABC 00000000     0        0 0 3 0000000000000000\n",
      100, [&](const InetSocket& socket) { sockets.push_back(socket); }));
  REQUIRE(sockets.size() == 1);
  CHECK(sockets[0].local.text() == "[::1]:8080");
  CHECK(sockets[0].remote.text() == "[::ffff:127.0.0.1]:80");
  CHECK(timer_words(sockets[0].timer, sockets[0].timer_ms) == "time wait in 27.5 s");
}

TEST_CASE("a dump of unix sockets") {
  std::map<uint64_t, UnixSocket> sockets;
  std::string bytes = fixture("raw/sock_diag/unix.bin");
  REQUIRE(parse_unix_diag("unix", bytes, [&](const UnixSocket& socket) { sockets[socket.inode] = socket; }));
  REQUIRE(sockets.size() >= 4);
  int listening = 0, connected = 0;
  for (const auto& [inode, socket] : sockets) {
    if (socket.state == 10) {
      ++listening;
      CHECK(socket.name.substr(0, 14) == std::string_view("\0files-target-", 14));
      CHECK(socket.receive_queue == 1);
      CHECK(socket.send_queue == 7);
      REQUIRE(socket.waiting.size() == 1);
      CHECK(sockets.contains(socket.waiting[0]));
    }
    if (socket.peer_inode && sockets.contains(socket.peer_inode)) {
      ++connected;
      CHECK(sockets[socket.peer_inode].peer_inode == inode);
    }
  }
  CHECK(listening == 1);
  CHECK(connected == 2);
  std::map<uint64_t, UnixSocket> text;
  std::string lines = fixture("net/unix");
  REQUIRE(parse_net_unix("unix", lines, [&](const UnixSocket& socket) { text[socket.inode] = socket; }));
  for (const auto& [inode, socket] : sockets)
    if (inode && socket.state == 10) CHECK(text[inode].name.starts_with("@files-target-"));
}

TEST_CASE("netlink sockets in text") {
  std::vector<OtherSocket> sockets;
  REQUIRE(parse_net_netlink("netlink", fixture("net/netlink"),
                            [&](const OtherSocket& socket) { sockets.push_back(socket); }));
  CHECK(sockets.size() == 9);
  CHECK(sockets[0].port == 19340);
}

TEST_CASE("a dump that is cut or damaged says where, and keeps what came before") {
  std::string bytes = fixture("raw/sock_diag/tcp4.bin");
  int count = 0;
  auto visit = [&](const InetSocket&) { ++count; };
  auto cut = parse_inet_diag("tcp4.bin", std::string_view(bytes).substr(0, 600), visit);
  REQUIRE_FALSE(cut);
  CHECK(cut.error().code == ErrorCode::kTruncated);
  CHECK(cut.error().where.starts_with("tcp4.bin+0x"));
  CHECK(count == 1);

  bytes[0] = 3;  // shorter than its own header
  bytes[1] = bytes[2] = bytes[3] = 0;
  auto damaged = parse_inet_diag("tcp4.bin", bytes, visit);
  REQUIRE_FALSE(damaged);
  CHECK(damaged.error().code == ErrorCode::kMalformed);
  CHECK(damaged.error().where == "tcp4.bin+0x0");
}

TEST_CASE("an error of the kernel inside a dump is that error") {
  std::string refusal("\x14\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0\xfe\xff\xff\xff", 20);  // NLMSG_ERROR, -ENOENT
  auto parsed = parse_inet_diag("tcp4.bin", refusal, [](const InetSocket&) {});
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().sys_errno == 2);
}

TEST_CASE("figures of other processes' sockets can be left out") {
  std::string bytes = fixture("raw/sock_diag/tcp4.bin");
  auto all = inet(bytes);
  uint64_t ours = 0;
  for (const InetSocket& socket : all)
    if (socket.state == 8) ours = socket.inode;
  std::string lean = without_foreign_attributes(bytes, {ours});
  CHECK(lean.size() < bytes.size());
  auto kept = inet(lean);
  REQUIRE(kept.size() == all.size());
  for (size_t i = 0; i < all.size(); ++i) {
    CHECK(kept[i].inode == all[i].inode);
    CHECK(kept[i].local == all[i].local);
    CHECK(kept[i].tcp.has_value() == (all[i].tcp.has_value() && (all[i].state == 10 || all[i].inode == ours)));
  }
}

// Found by libFuzzer: it went on for ever.
TEST_CASE("a length just below 4 GiB ends the dump") {
  std::string bytes = "\xff\xff\xff\xff" + std::string(60, '\0');
  CHECK(without_foreign_attributes(bytes, {1}) == bytes);
  CHECK_FALSE(parse_inet_diag("x", bytes, [](const auto&) {}));
}

TEST_CASE("malformed lines of /proc/net name themselves") {
  auto nothing = [](const auto&) {};
  CHECK(parse_net_tcp("tcp", "  sl x\n   0: 0100007F 0\n", 100, nothing).error().where == "tcp:2");
  CHECK(parse_net_tcp("tcp", "   0: 0100007F:0001 00000000:0000 0A 0:0 00:0 0 0 0\n", 100, nothing).error().where ==
        "tcp:1");
  CHECK(parse_net_unix("unix", "Num x\n0: 2 0 10000 1 1\n", nothing).error().where == "unix:2");
  CHECK(parse_net_netlink("netlink", "a b c\n", nothing).error().where == "netlink:1");
  CHECK(parse_net_packet("packet", "a b c\n", nothing).error().where == "packet:1");
}
