#include "collector/collectors/endpoint_discovery.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "collector/base/text.h"
#include "collector/collectors/descriptors.h"
#include "collector/collectors/known_services.h"
#include "collector/proc/net_tcp.h"
#include "collector/proc/net_unix.h"
#include "collector/proc/proc_root.h"
#include "collector/target/sock_diag.h"

namespace ec {

namespace {

constexpr uint8_t kListen = 10, kSynReceived = 3;
constexpr size_t kUnixTableLimit = 16u << 20;
constexpr size_t kListenersLimit = 16u << 20;
constexpr milliseconds kListenersBudget{200};

std::string host_text(const InetAddress& address) {
  std::string text = address.text();  // "10.0.0.1:443", "[::1]:80"
  text.erase(text.rfind(':'));
  if (text.starts_with('[')) text = text.substr(1, text.size() - 2);
  return text;
}

bool is_loopback(const InetAddress& address) {
  if (!address.v6) return address.bytes[0] == 127;
  InetAddress loopback{.v6 = true, .bytes = {}, .port = 0};
  loopback.bytes[15] = 1;
  return address.bytes == loopback.bytes;
}

// Whether connecting to `address` reaches another socket than the one with `inode`, because it is bound more narrowly.
bool shadowed(const NamespaceListeners& all, const InetAddress& address, uint64_t inode) {
  return std::any_of(all.tcp.begin(), all.tcp.end(),
                     [&](const InetSocket& other) { return other.local == address && other.inode != inode; });
}

std::string connect_host(const NamespaceListeners& all, const InetSocket& socket) {
  if (!socket.local.unspecified()) return host_text(socket.local);
  InetAddress v4{.v6 = false, .bytes = {127, 0, 0, 1}, .port = socket.local.port};
  InetAddress v6{.v6 = true, .bytes = {}, .port = socket.local.port};
  v6.bytes[15] = 1;
  // [::] takes IPv4 too, unless somebody else has 0.0.0.0.
  bool foreign_wildcard = std::any_of(all.tcp.begin(), all.tcp.end(), [&](const InetSocket& other) {
    return !other.local.v6 && other.local.unspecified() && other.local.port == socket.local.port &&
           other.inode != socket.inode;
  });
  if (!socket.local.v6 || (!shadowed(all, v4, socket.inode) && !foreign_wildcard)) return "127.0.0.1";
  return "::1";
}

int likelihood(const EndpointListener& listener) {
  const HttpAddress& address = listener.address;
  if (!address.unix_path.empty()) return 20;
  static constexpr std::array<uint16_t, 11> kUsual{6060, 6061, 6062, 8080, 9090, 8081, 8000, 9091, 10250, 2112, 8888};
  auto usual = std::find(kUsual.begin(), kUsual.end(), address.port);
  int score = usual == kUsual.end() ? 0 : 60 - static_cast<int>(usual - kUsual.begin());
  return score + (listener.loopback ? 10 : 0);
}

// The kernel writes listeners before all others (tcp_seq_start), so a table of 300,000 connections need not be read.
Result<void> read_tcp_listeners(const std::string& file, std::vector<InetSocket>& out) {
  UniqueFd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return errno == ENOENT ? Result<void>{} : fail_errno(file, errno);
  std::string text;
  bool more = true;
  while (more) {
    size_t before = text.size();
    text.resize(before + 32 * 1024);
    ssize_t got = read(fd.get(), text.data() + before, 32 * 1024);
    text.resize(before + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(file, errno);
    size_t last_line = text.rfind('\n');
    if (last_line == std::string::npos) return {};
    bool others = false;
    std::vector<InetSocket> listening;
    auto parsed =
        parse_net_tcp(file, std::string_view(text).substr(0, last_line + 1), 100, [&](const InetSocket& socket) {
          if (socket.state == kListen)
            listening.push_back(socket);
          else if (socket.state != kSynReceived)
            others = true;
        });
    if (!parsed) return parsed;
    more = got > 0 && !others;
    if (!more) out.insert(out.end(), listening.begin(), listening.end());
  }
  return {};
}

// False when the kernel does not tell that way.
bool ask_for_tcp_listeners(std::vector<InetSocket>& out) {
  for (uint8_t family : {uint8_t{AF_INET}, uint8_t{AF_INET6}}) {
    auto dump = dump_tcp_listeners(family, Deadline::in(kListenersBudget), kListenersLimit);
    if (!dump || !dump->cut.empty()) return false;
    auto parsed = parse_inet_diag("sock_diag", dump->bytes, [&](const InetSocket& socket) { out.push_back(socket); });
    if (!parsed) return false;
  }
  return true;
}

// `inside`: this process is in the network namespace of the target.
Result<NamespaceListeners> read_listeners(const std::string& task, bool inside) {
  NamespaceListeners all;
  if (!inside || !ask_for_tcp_listeners(all.tcp)) {
    all.tcp.clear();
    for (const char* table : {"/net/tcp", "/net/tcp6"})
      if (auto read = read_tcp_listeners(task + table, all.tcp); !read) return tl::unexpected(read.error());
  }
  auto text = read_file(task + "/net/unix", kUnixTableLimit);
  if (!text) return all;  // TCP is still worth asking
  auto parsed = parse_net_unix(task + "/net/unix", *text, [&](const UnixSocket& socket) {
    if (socket.state == kListen && socket.type == SOCK_STREAM && !socket.name.empty())
      all.unix_streams.push_back({socket.inode, std::string(socket.name)});
  });
  if (!parsed && all.tcp.empty()) return tl::unexpected(parsed.error());
  return all;
}

std::string task_folder(const TargetIdentity& target) {
  return fmt::format("/proc/{}/task/{}", target.pid, target.live_tid > 0 ? target.live_tid : target.pid);
}

}  // namespace

std::vector<EndpointListener> likely_endpoints(const NamespaceListeners& listeners,
                                               const std::unordered_set<uint64_t>& own_sockets, std::string_view comm,
                                               const std::string& root) {
  std::vector<EndpointListener> found;
  std::string_view product = known_product(comm);
  auto leave = [](EndpointListener& listener, std::string_view service) {
    listener.not_asked = fmt::format("known service, not queried ({})", service);
    listener.note = question_for(service, listener.address.port);
    if (!listener.note.empty()) listener.note = fmt::format("ask {} itself: {}", service, listener.note);
  };
  for (const InetSocket& socket : listeners.tcp) {
    if (!own_sockets.contains(socket.inode)) continue;
    EndpointListener listener;
    listener.inode = socket.inode;
    listener.address.host = connect_host(listeners, socket);
    listener.address.port = socket.local.port;
    listener.loopback = is_loopback(socket.local);
    std::string_view service = product.empty() ? known_service(socket.local.port) : product;
    if (!service.empty()) leave(listener, service);
    // It does not accept: another connection would take a place of a client, or be dropped and counted against it.
    if (socket.receive_queue > 0)
      listener.not_asked = fmt::format(
          "not queried: {} in its accept queue",
          socket.receive_queue == 1 ? "a connection waits" : fmt::format("{} connections wait", socket.receive_queue));
    bool twice = std::any_of(found.begin(), found.end(),
                             [&](const auto& other) { return other.address.name() == listener.address.name(); });
    if (!twice) found.push_back(std::move(listener));  // several listeners of SO_REUSEPORT are one service
  }
  for (const auto& socket : listeners.unix_streams) {
    if (!own_sockets.contains(socket.inode)) continue;
    // The attach socket of a JVM takes orders, and the collector "jvm" gives the one that is wanted.
    if (socket.name.starts_with("/tmp/.java_pid")) continue;
    EndpointListener listener;
    listener.inode = socket.inode;
    listener.address.unix_path = socket.name;
    listener.address.unix_root = root;
    listener.loopback = true;
    if (!product.empty()) leave(listener, product);
    if (!socket.name.starts_with('/') && !socket.name.starts_with('@')) listener.not_asked = "bound to a relative path";
    found.push_back(std::move(listener));
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return likelihood(a) > likelihood(b); });
  return found;
}

Result<std::vector<EndpointListener>> discover_endpoints(const TargetIdentity& target, FdLinks* shared, bool inside) {
  std::string task = task_folder(target);
  auto listeners = read_listeners(task, inside);
  if (!listeners) return tl::unexpected(listeners.error());
  if (listeners->tcp.empty() && listeners->unix_streams.empty()) return std::vector<EndpointListener>{};
  auto descriptors = Descriptors::open(target);
  if (!descriptors) return tl::unexpected(descriptors.error());
  std::unordered_set<uint64_t> own;
  uint64_t readable = 0, all = 0;
  auto listed = descriptors->each_link(shared, [&](int, std::string_view link) {
    ++readable;
    if (!link.starts_with("socket:[") || !link.ends_with(']')) return true;
    if (auto inode = parse_number<uint64_t>(link.substr(8, link.size() - 9))) own.insert(*inode);
    return true;
  });
  if (!listed) return tl::unexpected(listed.error());
  if (readable == 0) {
    // Nothing is open, or nothing may be read: only the latter is worth telling.
    Error denied;
    (void)descriptors->each([&](int fd) {
      ++all;
      auto link = descriptors->link(fd);
      if (!link) denied = link.error();
      return false;
    });
    if (all > 0 && denied.code == ErrorCode::kDenied) return tl::unexpected(denied);
  }
  return likely_endpoints(*listeners, own, target.comm, task + "/root");
}

Result<void> enter_network_of(const TargetIdentity& target) {
  pid_t tid = target.live_tid > 0 ? target.live_tid : target.pid;
  auto elsewhere = other_network_namespace(tid);
  if (!elsewhere) return tl::unexpected(elsewhere.error());
  if (!*elsewhere) return {};
  auto entered = enter_network_namespace(tid);
  if (!entered && entered.error().code == ErrorCode::kDenied)
    entered.error().detail = "the target has its own network namespace; entering it needs CAP_SYS_ADMIN";
  return entered;
}

}  // namespace ec
