#include "collector/base/stream_socket.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>

namespace ec {

Result<void> wait_for(int fd, short events, Deadline deadline, const std::string& name, std::string_view what) {
  while (true) {
    pollfd waiting{fd, events, 0};
    int ready = poll(&waiting, 1, deadline.remaining_ms());
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return fail_errno(name, errno, "poll");
    if (ready == 0 && deadline.passed())
      return fail(ErrorCode::kTimeout, name, fmt::format("waited in vain for {}", what));
  }
}

Result<void> connect_within(int fd, const sockaddr* address, socklen_t length, const std::string& name,
                            Deadline deadline) {
  while (connect(fd, address, length) != 0) {
    if (errno == EINTR) continue;
    if (errno == EAGAIN) {
      // A unix socket whose queue is full: the kernel does not tell when there is room again, so ask until the
      // deadline.
      if (deadline.passed()) return fail(ErrorCode::kTimeout, name, "the queue of the listener stayed full");
      poll(nullptr, 0, std::min(deadline.remaining_ms(), 20));
      continue;
    }
    if (errno != EINPROGRESS) return fail_errno(name, errno, "connect");
    pollfd waiting{fd, POLLOUT, 0};
    int ready;
    do {
      ready = poll(&waiting, 1, deadline.remaining_ms());
    } while (ready < 0 && errno == EINTR);
    if (ready == 0) return fail(ErrorCode::kTimeout, name, "no answer to connect");
    int problem = 0;
    socklen_t size = sizeof problem;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &size);
    if (problem != 0) return fail_errno(name, problem, "connect");
    return {};
  }
  return {};
}

Result<size_t> receive_some(int fd, char* bytes, size_t size, const std::string& name, Deadline deadline) {
  while (true) {
    ssize_t got = recv(fd, bytes, size, 0);
    if (got >= 0) return static_cast<size_t>(got);
    if (errno != EAGAIN && errno != EINTR) return fail_errno(name, errno, "read");
    if (auto ready = wait_for(fd, POLLIN, deadline, name, "an answer"); !ready) return tl::unexpected(ready.error());
  }
}

Result<void> send_all(int fd, std::string_view bytes, const std::string& name, Deadline deadline) {
  while (!bytes.empty()) {
    ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
      continue;
    }
    if (errno != EAGAIN && errno != EINTR) return fail_errno(name, errno, "write");
    if (auto ready = wait_for(fd, POLLOUT, deadline, name, "room to write"); !ready) return ready;
  }
  return {};
}

}  // namespace ec
