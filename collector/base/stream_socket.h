// Stream sockets that are O_NONBLOCK: whatever the other side does, no call takes longer than its deadline. `name` is
// the place in errors.
#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>

#include "collector/base/clock.h"
#include "collector/base/error.h"

namespace ec {

// Until poll(2) reports one of `events`. `what` as in "waited in vain for an answer". Errors: timeout, io.
Result<void> wait_for(int fd, short events, Deadline deadline, const std::string& name, std::string_view what);
// Errors: that of connect(2), timeout.
Result<void> connect_within(int fd, const sockaddr* address, socklen_t length, const std::string& name,
                            Deadline deadline);
// Up to `size` bytes, 0 at the end. Errors: that of recv(2), timeout.
Result<size_t> receive_some(int fd, char* bytes, size_t size, const std::string& name, Deadline deadline);
// All of it. Errors: that of send(2), timeout.
Result<void> send_all(int fd, std::string_view bytes, const std::string& name, Deadline deadline);

}  // namespace ec
