#include "collector/target/sock_diag.h"

#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "collector/base/unique_fd.h"
#include "collector/proc/inet_diag.h"

namespace ec {

namespace {

// The kernel fills datagrams of up to 32 KiB when the reader offers that much (af_netlink.c, max_recvmsg_len).
constexpr size_t kReceiveBytes = 64 * 1024;
constexpr unsigned kTcpListen = 10;  // include/net/tcp_states.h

// True when the datagram ends the dump: done, or an error, both of which the decoder reads again.
bool ends_dump(std::string_view datagram) {
  while (datagram.size() >= sizeof(nlmsghdr)) {
    nlmsghdr header;
    std::memcpy(&header, datagram.data(), sizeof header);
    if (header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR) return true;
    size_t length = netlink_aligned(header.nlmsg_len);
    if (header.nlmsg_len < sizeof header || length > datagram.size()) return false;
    datagram.remove_prefix(length);
  }
  return false;
}

template <class Request>
Result<SocketDump> dump(const char* place, const Request& body, Deadline deadline, size_t limit) {
  UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!fd) return fail_errno(place, errno, "socket(NETLINK_SOCK_DIAG)");
  struct {
    nlmsghdr header;
    Request body;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.header.nlmsg_seq = 1;
  request.body = body;
  if (send(fd.get(), &request, sizeof request, 0) < 0) return fail_errno(place, errno, "request");

  SocketDump result;
  while (true) {
    size_t before = result.bytes.size();
    if (before > limit) {
      result.cut = fmt::format("cut at {} bytes", limit);
      return result;
    }
    pollfd waiting{fd.get(), POLLIN, 0};
    int ready = poll(&waiting, 1, deadline.remaining_ms());
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0 && before == 0) return fail(ErrorCode::kTimeout, place, "no answer before the deadline");
    if (ready <= 0) {
      result.cut = "cut at the deadline";
      return result;
    }
    result.bytes.resize(before + kReceiveBytes);
    ssize_t got = recv(fd.get(), result.bytes.data() + before, kReceiveBytes, 0);
    result.bytes.resize(before + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(place, errno, "receive");
    if (got == 0) return result;
    if (ends_dump(std::string_view(result.bytes).substr(before))) break;
  }
  // A refusal comes as the only message.
  nlmsgerr refusal{};
  nlmsghdr first{};
  if (result.bytes.size() >= sizeof first + sizeof refusal.error) {
    std::memcpy(&first, result.bytes.data(), sizeof first);
    std::memcpy(&refusal.error, result.bytes.data() + sizeof first, sizeof refusal.error);
    if (first.nlmsg_type == NLMSG_ERROR && refusal.error < 0) return fail_errno(place, -refusal.error, "sock_diag");
  }
  return result;
}

const char* place_of(uint8_t family) { return family == AF_INET ? "sock_diag ipv4" : "sock_diag ipv6"; }

}  // namespace

Result<SocketDump> dump_inet_sockets(uint8_t family, uint8_t protocol, bool figures, Deadline deadline, size_t limit) {
  inet_diag_req_v2 request{};
  request.sdiag_family = family;
  request.sdiag_protocol = protocol;
  request.idiag_states = ~0u;
  if (figures) request.idiag_ext = 1 << (INET_DIAG_INFO - 1) | 1 << (INET_DIAG_SKMEMINFO - 1);
  return dump(place_of(family), request, deadline, limit);
}

Result<SocketDump> dump_tcp_listeners(uint8_t family, Deadline deadline, size_t limit) {
  inet_diag_req_v2 request{};
  request.sdiag_family = family;
  request.sdiag_protocol = IPPROTO_TCP;
  request.idiag_states = 1 << kTcpListen;
  return dump(place_of(family), request, deadline, limit);
}

Result<SocketDump> dump_unix_sockets(Deadline deadline, size_t limit) {
  unix_diag_req request{};
  request.sdiag_family = AF_UNIX;
  request.udiag_states = ~0u;
  request.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_ICONS | UDIAG_SHOW_RQLEN;
  return dump("sock_diag unix", request, deadline, limit);
}

Result<void> enter_network_namespace(pid_t pid) {
  std::string net = fmt::format("/proc/{}/ns/net", pid), user = fmt::format("/proc/{}/ns/user", pid);
  UniqueFd net_fd(open(net.c_str(), O_RDONLY | O_CLOEXEC));
  if (!net_fd) return fail_errno(net, errno);
  if (setns(net_fd.get(), CLONE_NEWNET) == 0) return {};
  int why = errno;
  UniqueFd user_fd(open(user.c_str(), O_RDONLY | O_CLOEXEC));
  if (user_fd && setns(user_fd.get(), CLONE_NEWUSER) == 0 && setns(net_fd.get(), CLONE_NEWNET) == 0) return {};
  return fail_errno(net, why, "setns");
}

Result<bool> other_network_namespace(pid_t pid) {
  std::string net = fmt::format("/proc/{}/ns/net", pid);
  struct stat theirs {
  }, ours{};
  if (stat(net.c_str(), &theirs) != 0) return fail_errno(net, errno);
  if (stat("/proc/self/ns/net", &ours) != 0) return fail_errno("/proc/self/ns/net", errno);
  return theirs.st_ino != ours.st_ino || theirs.st_dev != ours.st_dev;
}

}  // namespace ec
