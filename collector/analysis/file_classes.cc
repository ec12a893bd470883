#include "collector/analysis/file_classes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "collector/base/text.h"

namespace ec {

bool is_tcp(const Socket& socket) {
  return socket.family == "tcp" || socket.family == "tcp6" || socket.family == "mptcp";
}

std::map<std::string, uint64_t> tcp_states(const OpenFiles& files) {
  std::map<std::string, uint64_t> states;
  for (auto& socket : files.sockets)
    if (is_tcp(socket)) ++states[printable_line(socket.state, 24)];
  return states;
}

namespace {

std::string class_of_socket(const Socket& socket) {
  if (is_tcp(socket)) {
    if (socket.state == "LISTEN") return "TCP listeners";
    return fmt::format("TCP connections in {}", printable_line(socket.state, 24));
  }
  if (socket.family == "unix") return "unix sockets";
  if (socket.family.starts_with("udp")) return "UDP sockets";
  if (socket.family == "?" || socket.family.empty()) return "sockets of unknown kind";
  return fmt::format("{} sockets", printable_line(socket.family, 24));
}

std::string class_of(const OpenFile& file, const OpenFiles& files) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 16> kWords{
      {{"file", "regular files"},
       {"directory", "directories"},
       {"pipe", "pipes"},
       {"fifo", "named pipes"},
       {"chardev", "character devices"},
       {"blockdev", "block devices"},
       {"eventfd", "eventfds"},
       {"epoll", "epoll instances"},
       {"timerfd", "timerfds"},
       {"signalfd", "signalfds"},
       {"inotify", "inotify instances"},
       {"memfd", "memfds"},
       {"pidfd", "pidfds"},
       {"io_uring", "io_uring instances"},
       {"anon", "anonymous inodes"},
       {"?", "of unknown kind"}}};
  if (file.kind == "socket")
    return file.socket && *file.socket < files.sockets.size() ? class_of_socket(files.sockets[*file.socket])
                                                              : "sockets of unknown kind";
  if (file.kind == "file" && file.deleted) return "deleted files";
  for (auto& [kind, words] : kWords)
    if (kind == file.kind) return std::string(words);
  return fmt::format("of kind {}", printable_line(file.kind, 24));
}

}  // namespace

std::vector<FileClass> file_classes(const OpenFiles& files) {
  std::map<std::string, FileClass> by_words;
  for (auto& file : files.files) {
    std::string words = class_of(file, files);
    auto& entry = by_words[words];
    if (entry.count++ == 0) entry.example_fd = file.fd;
  }
  std::vector<FileClass> classes;
  classes.reserve(by_words.size());
  for (auto& [words, entry] : by_words) classes.push_back({words, entry.count, entry.example_fd});
  std::stable_sort(classes.begin(), classes.end(),
                   [](const FileClass& a, const FileClass& b) { return a.count > b.count; });
  return classes;
}

}  // namespace ec
