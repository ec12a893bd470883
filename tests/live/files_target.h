// A process with one descriptor of every kind, and a second one at the other ends. Both run until the object dies.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

namespace ec {

// Descriptors as numbered in the target.
struct FilesTargetFacts {
  pid_t target, peer;
  int pipe_write, pair, full_listener, pile_listener, connection, close_wait[5];
  int deleted, log, memfd, event, epoll, timer, signal, inotify, pidfd, udp, netlink, abstract_listener, unix_client;
  int unix_server;  // listener with one connection that nobody accepts
  in_port_t full_port, peer_port;
};

class FilesTarget {
 public:
  explicit FilesTarget(bool own_network = false) {
    int ready[2];
    if (pipe2(ready, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    pid_t pid = fork();
    if (pid == 0) {
      close(ready[0]);
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      alarm(120);
      run(own_network, ready[1]);
    }
    close(ready[1]);
    bool whole = read(ready[0], &facts_, sizeof facts_) == sizeof facts_;
    close(ready[0]);
    if (!whole) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
      throw std::runtime_error("the target did not come up");
    }
  }
  ~FilesTarget() {
    kill(facts_.target, SIGKILL);  // its peer dies with it
    waitpid(facts_.target, nullptr, 0);
  }
  FilesTarget(const FilesTarget&) = delete;
  FilesTarget& operator=(const FilesTarget&) = delete;

  const FilesTargetFacts& facts() const { return facts_; }

 private:
  static int need(int result) {
    if (result < 0) {
      std::perror("files target");
      _exit(1);
    }
    return result;
  }
  static sockaddr_in loopback(in_port_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
  }
  static int listener(int backlog, in_port_t& port) {
    int fd = need(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    need(bind(fd, reinterpret_cast<sockaddr*>(&address), size));
    need(listen(fd, backlog));
    need(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size));
    port = ntohs(address.sin_port);
    return fd;
  }
  static int connected(in_port_t port, int flags = 0) {
    int fd = need(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
    sockaddr_in address = loopback(port);
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 && errno != EINPROGRESS) need(-1);
    return fd;
  }
  static void loopback_up() {
    int fd = need(socket(AF_INET, SOCK_DGRAM, 0));
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP;
    need(ioctl(fd, SIOCSIFFLAGS, &request));
    close(fd);
  }

  [[noreturn]] static void run_peer(int peer_listener, in_port_t full, in_port_t pile, int go) {
    prctl(PR_SET_NAME, "files-peer");
    int accepted = need(accept(peer_listener, nullptr, nullptr));
    need(static_cast<int>(write(accepted, "hello", 5)));
    for (int i = 0; i < 3; ++i) connected(full);  // a backlog of 2 holds 3
    int piled[5];
    for (int& fd : piled) fd = connected(pile);
    for (int fd : piled) close(fd);
    need(static_cast<int>(write(go, "g", 1)));
    while (true) pause();
  }

  [[noreturn]] static void run(bool own_network, int ready) {
    prctl(PR_SET_NAME, "files-target");
    if (own_network) {
      need(unshare(geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET));
      loopback_up();
    }
    FilesTargetFacts facts{};
    facts.target = getpid();
    int to_peer[2], pair[2], go[2];
    need(pipe2(to_peer, O_CLOEXEC));
    need(pipe2(go, O_CLOEXEC));
    need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
    in_port_t pile = 0;
    facts.full_listener = listener(2, facts.full_port);
    facts.pile_listener = listener(64, pile);
    int peer_listener = listener(8, facts.peer_port);
    facts.peer = need(fork());
    if (facts.peer == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (int fd : {to_peer[1], pair[0], facts.full_listener, facts.pile_listener, go[0], ready}) close(fd);
      run_peer(peer_listener, facts.full_port, pile, go[1]);
    }
    for (int fd : {to_peer[0], pair[1], peer_listener, go[1]}) close(fd);
    facts.pipe_write = to_peer[1];
    facts.pair = pair[0];
    facts.connection = connected(facts.peer_port);
    char byte;
    need(static_cast<int>(recv(facts.connection, &byte, 1, MSG_PEEK)));
    for (int& fd : facts.close_wait) {
      fd = need(accept(facts.pile_listener, nullptr, nullptr));
      need(static_cast<int>(read(fd, &byte, 1)));  // 0: the peer has closed
    }
    need(static_cast<int>(read(go[0], &byte, 1)));
    open_special(facts);
    need(static_cast<int>(write(ready, &facts, sizeof facts)));
    while (true) pause();
  }

  static void open_special(FilesTargetFacts& facts) {
    char deleted[] = "/tmp/files-target-deleted-XXXXXX", log[] = "/tmp/files-target-XXXXXX.log";
    facts.deleted = need(mkstemp(deleted));
    unlink(deleted);
    need(static_cast<int>(write(facts.deleted, std::string(9000, 'x').data(), 9000)));
    facts.log = need(mkostemps(log, 4, O_APPEND | O_CLOEXEC));
    unlink(log);
    std::string lines;
    for (int i = 0; i < 6; ++i)
      lines += "2026-11-20 22:0" + std::to_string(i) + ":00 ERROR request " + std::to_string(i * 17) + " failed\n";
    need(static_cast<int>(write(facts.log, lines.data(), lines.size())));
    facts.memfd = need(memfd_create("scratch", MFD_CLOEXEC));
    facts.event = need(eventfd(3, EFD_CLOEXEC));
    facts.epoll = need(epoll_create1(EPOLL_CLOEXEC));
    for (int fd : {facts.event, facts.connection}) {
      epoll_event event{EPOLLIN, {}};
      need(epoll_ctl(facts.epoll, EPOLL_CTL_ADD, fd, &event));
    }
    facts.timer = need(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
    itimerspec when{{60, 0}, {3600, 0}};
    need(timerfd_settime(facts.timer, 0, &when, nullptr));
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGHUP);
    facts.signal = need(signalfd(-1, &mask, SFD_CLOEXEC));
    facts.inotify = need(inotify_init1(IN_CLOEXEC));
    need(inotify_add_watch(facts.inotify, "/", IN_CREATE));
    facts.pidfd = need(static_cast<int>(syscall(SYS_pidfd_open, facts.peer, 0)));
    in_port_t unused = 0;
    facts.udp = need(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = loopback(unused);
    need(bind(facts.udp, reinterpret_cast<sockaddr*>(&address), sizeof address));
    facts.netlink = need(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
    sockaddr_nl all{};
    all.nl_family = AF_NETLINK;
    need(bind(facts.netlink, reinterpret_cast<sockaddr*>(&all), sizeof all));
    open_unix(facts);
  }

  static void open_unix(FilesTargetFacts& facts) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::string text = "files-target-" + std::to_string(getpid());
    std::memcpy(name.sun_path + 1, text.data(), text.size());
    auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
    facts.abstract_listener = facts.unix_server = need(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    need(bind(facts.unix_server, reinterpret_cast<sockaddr*>(&name), size));
    need(listen(facts.unix_server, 7));
    facts.unix_client = need(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    need(connect(facts.unix_client, reinterpret_cast<sockaddr*>(&name), size));
  }

  FilesTargetFacts facts_{};
};

}  // namespace ec
