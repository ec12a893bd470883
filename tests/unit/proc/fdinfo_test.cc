#include "collector/proc/fdinfo.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

using namespace ec;

namespace {

std::string fixture(const std::string& name) {
  std::ifstream file(EC_FIXTURES "/fdinfo/" + name, std::ios::binary);
  REQUIRE(file);
  return std::string((std::istreambuf_iterator<char>(file)), {});
}

std::string words(const std::string& name, std::string_view kind) {
  auto info = parse_fdinfo(name, fixture(name));
  REQUIRE(info);
  return describe(*info, kind);
}

}  // namespace

TEST_CASE("links tell what a descriptor is") {
  struct Case {
    std::string_view link, kind, target;
    bool deleted;
    uint64_t inode;
  };
  for (const Case& expected : {
           Case{"/var/log/a.log", "path", "/var/log/a.log", false, 0},
           Case{"/tmp/x (deleted)", "path", "/tmp/x", true, 0},
           Case{"(unreachable)/x", "path", "(unreachable)/x", false, 0},
           Case{"/memfd:hello (deleted)", "memfd", "/memfd:hello (deleted)", false, 0},
           Case{"socket:[15358]", "socket", "socket:[15358]", false, 15358},
           Case{"pipe:[7]", "pipe", "pipe:[7]", false, 7},
           Case{"anon_inode:[eventpoll]", "epoll", "anon_inode:[eventpoll]", false, 0},
           Case{"anon_inode:inotify", "inotify", "anon_inode:inotify", false, 0},
           Case{"anon_inode:[io_uring]", "io_uring", "anon_inode:[io_uring]", false, 0},
           Case{"anon_inode:[userfaultfd]", "anon", "anon_inode:[userfaultfd]", false, 0},
           Case{"pidfd:[99]", "pidfd", "pidfd:[99]", false, 99},
           Case{"net:[4026531833]", "anon", "net:[4026531833]", false, 4026531833},
           Case{"socket:[", "socket", "socket:[", false, 0},
           Case{"", "anon", "", false, 0},
       }) {
    INFO(expected.link);
    FdLink link = parse_fd_link(expected.link);
    CHECK(link.kind == expected.kind);
    CHECK(link.target == expected.target);
    CHECK(link.deleted == expected.deleted);
    CHECK(link.inode == expected.inode);
  }
}

TEST_CASE("fdinfo of special descriptors in words") {
  CHECK(words("eventfd", "eventfd") == "count 31, semaphore");
  CHECK(words("epoll", "epoll") == "watches 2 descriptors");
  CHECK(words("timerfd", "timerfd") == "CLOCK_MONOTONIC, due in 5.0 s, every 1.0 s, 3 expirations not read");
  CHECK(words("io_uring", "io_uring") == "submissions 2 of 8, completions 0 of 16, 4 files registered");
  CHECK(words("fanotify", "fanotify") == "1 mark");
  CHECK(words("locked_file", "file") == "lock FLOCK WRITE by 8218; lock POSIX WRITE 5-14 by 8218");
}

TEST_CASE("position, mount and inode come along") {
  auto info = parse_fdinfo("x", fixture("locked_file"));
  REQUIRE(info);
  CHECK(info->position == 9000);
  CHECK(info->mount_id == 27);
  CHECK(info->inode == 10952865u);
  CHECK(parse_fdinfo("x", fixture("epoll"))->epoll_targets == std::vector<int>{4, 0});
  // Kernels before 5.14 have no inode; of them nothing is assumed.
  CHECK_FALSE(parse_fdinfo("x", "pos:\t1\nflags:\t02\n")->inode);
}

TEST_CASE("signal masks and ended processes") {
  auto info = parse_fdinfo("x", "pos:\t0\nflags:\t02\nsigmask:\t0000000000004002\n");
  REQUIRE(info);
  CHECK(describe(*info, "signalfd") == "SIGINT SIGTERM");
  info = parse_fdinfo("x", "pos:\t0\nflags:\t02\nPid:\t-1\nNSpid:\t-1\n");
  REQUIRE(info);
  CHECK(describe(*info, "pidfd") == "process that has ended");
}

TEST_CASE("flags in words") {
  CHECK(access_word(0100001) == "w");
  CHECK(access_word(02000002) == "rw");
  CHECK(access_word(012000000) == "path");
  CHECK(open_flag_words(0102000 | 04000 | 02000000) == std::vector<std::string>{"O_APPEND", "O_NONBLOCK", "O_CLOEXEC"});
  CHECK(open_flag_words(04010000) == std::vector<std::string>{"O_SYNC"});
  CHECK(open_flag_words(0).empty());
  CHECK(open_flag_words(01000000000) == std::vector<std::string>{"01000000000"});
}

TEST_CASE("malformed fdinfo names the line") {
  auto bad = parse_fdinfo("/proc/42/fdinfo/3", "pos:\t0\nflags:\t09\n");
  REQUIRE_FALSE(bad);
  CHECK(bad.error().where == "/proc/42/fdinfo/3:2");
  CHECK(bad.error().code == ErrorCode::kMalformed);
  CHECK(parse_fdinfo("x", "pos:\t0\nflags:\t02\ntfd: x\n").error().where == "x:3");
  CHECK(parse_fdinfo("x", "pos:\t0\nflags:\t02\nclockid: 1\nit_value: (4 5)\n").error().where == "x:4");
  CHECK(parse_fdinfo("x", "pos:\t0\nflags:\t02\nlock:\t1: FLOCK\n").error().where == "x:3");
  CHECK(parse_fdinfo("x", "pos:\t0\n").error().code == ErrorCode::kTruncated);
  CHECK(parse_fdinfo("x", "").error().code == ErrorCode::kTruncated);
}
