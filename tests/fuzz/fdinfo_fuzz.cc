// fdinfo, and the text tables of /proc/net; the first byte chooses.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "collector/proc/fdinfo.h"
#include "collector/proc/net_tcp.h"
#include "collector/proc/net_unix.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  uint8_t choice = size ? data[0] : 0;
  auto nothing = [](const auto&) {};
  (void)ec::parse_fd_link(text);
  if (auto info = ec::parse_fdinfo("x", text)) {
    for (std::string_view kind : {"file", "epoll", "timerfd", "signalfd", "io_uring", "eventfd", "pidfd"})
      (void)ec::describe(*info, kind);
    (void)ec::open_flag_words(info->flags);
  }
  switch (choice % 4) {
    case 0:
      (void)ec::parse_net_tcp("x", text, 100, nothing);
      break;
    case 1:
      (void)ec::parse_net_unix("x", text, nothing);
      break;
    case 2:
      (void)ec::parse_net_netlink("x", text, nothing);
      break;
    default:
      (void)ec::parse_net_packet("x", text, nothing);
      break;
  }
  return 0;
}
