#include "collector/target/match.h"

#include <catch2/catch.hpp>

using namespace ec;

namespace {

ProcessNodes tree(std::initializer_list<ProcessNode> nodes) {
  ProcessNodes all;
  for (const ProcessNode& node : nodes) all[node.pid] = node;
  return all;
}

}  // namespace

TEST_CASE("match: workers fold into their master") {
  auto all =
      tree({{1, 0, 0, 'S', "init"}, {10, 1, 5, 'S', "nginx"}, {11, 10, 6, 'S', "nginx"}, {12, 10, 6, 'S', "nginx"}});
  CHECK(without_descendants({12, 11, 10}, all) == std::vector<pid_t>{10});
}

TEST_CASE("match: a process between an ancestor and its descendant does not matter") {
  auto all = tree({{10, 1, 5, 'S', "web"}, {11, 10, 6, 'S', "sh"}, {12, 11, 7, 'S', "web"}});
  CHECK(without_descendants({10, 12}, all) == std::vector<pid_t>{10});
}

TEST_CASE("match: unrelated processes stay, oldest first") {
  auto all = tree({{10, 1, 9, 'S', "web"}, {20, 1, 3, 'S', "web"}, {21, 20, 4, 'S', "web"}});
  CHECK(without_descendants({10, 20, 21}, all) == std::vector<pid_t>{20, 10});
}

TEST_CASE("match: a zombie gives way to something alive, but is found alone") {
  auto all = tree({{10, 1, 3, 'Z', "web"}, {20, 1, 9, 'S', "web"}});
  CHECK(without_descendants({10, 20}, all) == std::vector<pid_t>{20});
  CHECK(without_descendants({10}, all) == std::vector<pid_t>{10});
}

TEST_CASE("match: a circle of parents, read while PIDs were reused, ends") {
  auto all = tree({{10, 11, 3, 'S', "web"}, {11, 10, 3, 'S', "sh"}, {12, 12, 3, 'S', "web"}});
  CHECK(without_descendants({12}, all) == std::vector<pid_t>{12});
  CHECK(without_descendants({99}, all) == std::vector<pid_t>{99});
  (void)without_descendants({10}, all);
}

TEST_CASE("match: a value of the environment") {
  using namespace std::string_view_literals;
  auto environment = "PATH=/bin\0XSYSTEMD_EXEC_PID=1\0SYSTEMD_EXEC_PID=42\0EMPTY=\0"sv;
  CHECK(environment_value(environment, "SYSTEMD_EXEC_PID") == "42");
  CHECK(environment_value(environment, "EMPTY").empty());
  CHECK(environment_value(environment, "SYSTEMD").empty());
  CHECK(environment_value("", "PATH").empty());
}

TEST_CASE("match: listening sockets on a port, of both address families") {
  const char* text =
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
      "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 "
      "0\n"
      "   1: 0100007F:1F90 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0 0 10 "
      "0\n"
      "   2: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0 100 0 0 10 "
      "0\n"
      "   3: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 "
      "00:00000000 "
      "00000000     0        0 4714 1 0 100 0 0 10 0\n"
      "   4: 0100007F:1F90\n   5: zz 00 0A\n";
  std::unordered_set<uint64_t> inodes;
  add_listening_inodes(text, 8080, inodes);
  CHECK(inodes == std::unordered_set<uint64_t>{4711, 4714});
}

TEST_CASE("match: links of descriptors and names of files") {
  CHECK(socket_inode("socket:[4711]") == 4711);
  CHECK(socket_inode("socket:[]") == 0);
  CHECK(socket_inode("socket:[4711") == 0);
  CHECK(socket_inode("pipe:[4711]") == 0);
  CHECK(socket_inode("") == 0);
  CHECK(file_name("/usr/sbin/nginx (deleted)") == "nginx");
  CHECK(file_name("nginx") == "nginx");
  CHECK(file_name("/") == "");
}
