#include "collector/collectors/sockets.h"

#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>

#include "collector/base/helper_process.h"
#include "collector/base/text.h"
#include "collector/collectors/descriptors.h"
#include "collector/collectors/file_join.h"
#include "collector/collectors/peers.h"
#include "collector/collectors/process_files.h"
#include "collector/collectors/socket_tables.h"
#include "collector/proc/fdinfo.h"
#include "collector/proc/inet_diag.h"
#include "collector/target/sock_diag.h"

namespace ec {

namespace {

constexpr size_t kDumpLimit = 64u << 20;
constexpr size_t kDumpLimitLean = 32u << 20;  // without figures: 340,000 sockets
constexpr size_t kStripAbove = 4u << 20;      // then other processes' sockets lose their figures
constexpr size_t kTextLimit = 32u << 20;
constexpr uint64_t kMostDescriptors = 200'000;
constexpr milliseconds kDumpBudget{3000};
constexpr milliseconds kPeerBudget{700};

struct Request {
  std::string_view family;
  uint8_t domain, protocol;  // 0, 0: unix
};
constexpr std::array<Request, 5> kRequests{{{"tcp", AF_INET, IPPROTO_TCP},
                                            {"tcp6", AF_INET6, IPPROTO_TCP},
                                            {"udp", AF_INET, IPPROTO_UDP},
                                            {"udp6", AF_INET6, IPPROTO_UDP},
                                            {"unix", 0, 0}}};

using Dumps = std::map<std::string, Result<SocketDump>, std::less<>>;

Result<SocketDump> dump(const Request& request, Deadline deadline) {
  if (request.domain == 0) return dump_unix_sockets(deadline, kDumpLimit);
  auto full = dump_inet_sockets(request.domain, request.protocol, true, deadline, kDumpLimit);
  if (!full || full->cut.empty() || deadline.passed()) return full;
  // Too many for their figures: all of them without are worth more than some of them with.
  full->bytes = {};
  return dump_inet_sockets(request.domain, request.protocol, false, deadline, kDumpLimitLean);
}

Dumps dump_here(Deadline deadline) {
  Dumps dumps;
  for (const Request& request : kRequests) dumps.emplace(request.family, dump(request, deadline));
  return dumps;
}

// In a process of its own, which moves into the namespace of the target and ends there: this one never leaves its own.
Result<Dumps> dump_there(pid_t pid, Deadline deadline) {
  auto helper = HelperProcess::start([&](FrameWriter& out) {
    std::string bundle;
    if (auto entered = enter_network_namespace(pid); !entered) {
      append_failed_section(bundle, "setns", entered.error());
      out.frame(bundle);
      return;
    }
    for (const auto& [family, dump] : dump_here(deadline)) {
      bundle.clear();
      if (dump)
        append_section(bundle, family, dump->bytes);
      else
        append_failed_section(bundle, family, dump.error());
      if (dump && !dump->cut.empty()) append_section(bundle, family + "/cut", dump->cut);
      out.frame(bundle);
    }
  });
  if (!helper) return tl::unexpected(helper.error());
  Dumps dumps;
  std::string frame;
  while (true) {
    auto status = helper->poll_frame(frame);
    if (status == HelperProcess::Status::kEnded) return dumps;
    if (status == HelperProcess::Status::kNothingYet) {
      pollfd waiting{helper->fd(), POLLIN, 0};
      if (poll(&waiting, 1, deadline.remaining_ms()) == 0)
        return fail(ErrorCode::kTimeout, fmt::format("/proc/{}/ns/net", pid), "no sockets before the deadline");
      continue;
    }
    for (const Section& section : parse_bundle(frame)) {
      if (section.name == "setns") return tl::unexpected(section.error);
      size_t slash = section.name.find('/');
      auto known = dumps.find(section.name.substr(0, slash));
      if (slash != std::string_view::npos && known != dumps.end() && known->second) known->second->cut = section.bytes;
      if (slash == std::string_view::npos && section.failed) dumps.emplace(section.name, tl::unexpected(section.error));
      if (slash == std::string_view::npos && !section.failed)
        dumps.emplace(section.name, SocketDump{std::string(section.bytes), {}});
    }
  }
}

// Through a thread that lives: /proc/PID/ns of an ended leader is empty.
Result<Dumps> dump_all(const TargetIdentity* target, Deadline deadline, Sink& out) {
  constexpr std::string_view kTouched = "sock_diag";
  if (out.hung_before(kTouched)) return fail(ErrorCode::kTimeout, std::string(kTouched), "asking the kernel hung");
  out.touch(kTouched, true);
  if (!target) return dump_here(deadline);
  pid_t tid = target->live_tid > 0 ? target->live_tid : target->pid;
  auto elsewhere = other_network_namespace(tid);
  if (!elsewhere) return tl::unexpected(elsewhere.error());
  return *elsewhere ? dump_there(tid, deadline) : dump_here(deadline);
}

struct TargetInodes {
  std::unordered_set<uint64_t> sockets, pipes;
};

// Those found until `deadline`: the sockets themselves matter more than which of them are the target's.
TargetInodes target_inodes(const TargetIdentity& target, FdLinks* shared, Deadline deadline, Sink& out) {
  TargetInodes inodes;
  auto descriptors = Descriptors::open(target);
  if (!descriptors) return inodes;  // the collector of open files tells why
  if (out.hung_before(descriptors->folder())) return inodes;
  out.touch(descriptors->folder());
  uint64_t count = 0;
  (void)descriptors->each_link(shared, [&](int, std::string_view text) {
    FdLink link = parse_fd_link(text);
    if (link.kind == "socket" && link.inode) inodes.sockets.insert(link.inode);
    if (link.kind == "pipe" && link.inode) inodes.pipes.insert(link.inode);
    return ++count < kMostDescriptors && !(count % 256 == 0 && deadline.passed());
  });
  return inodes;
}

// The tables as they are kept: moved out of the dumps, or read as text where there is no dump.
struct Kept {
  std::string family, bytes, place, source, reason;
  bool text = false;
};

std::string net_folder(const TargetIdentity* target) {
  if (!target) return "/proc/net";
  if (target->live_tid > 0 && target->live_tid != target->pid)
    return fmt::format("/proc/{}/task/{}/net", target->pid, target->live_tid);
  return fmt::format("/proc/{}/net", target->pid);
}

// Tables that are not there (a kernel without IPv6) are no failure.
void keep_text(std::string_view family, const TargetIdentity* target, const Error* why_text, std::vector<Kept>& kept,
               Sink& out) {
  std::string file = fmt::format("{}/{}", net_folder(target), family);
  std::string path = socket_table_path(family, true, target ? target->pid : 0);
  if (out.hung_before(file)) return;
  out.touch(file);
  auto text = read_file(file, kTextLimit);
  if (text) {
    std::string reason = why_text ? fmt::format("sock_diag gave nothing ({}): no backlog limits, times or byte counts",
                                                why_text->message())
                                  : std::string();
    kept.push_back({std::string(family), std::move(*text), std::move(path), file, std::move(reason), true});
  } else if (why_text || text.error().code != ErrorCode::kGone) {
    Error why = unless_absent(target, text.error());
    out.failed(path, file, why, fix_for(why, file));
  }
}

void keep_dumps(Result<Dumps>& dumps, const TargetIdentity* target, const std::unordered_set<uint64_t>& inodes,
                std::vector<Kept>& kept, Sink& out) {
  for (const Request& request : kRequests) {
    Error why =
        dumps ? Error{ErrorCode::kTruncated, "sock_diag", "the process that asked ended early", 0} : dumps.error();
    auto found = dumps ? dumps->find(request.family) : Dumps::iterator{};
    if (dumps && found != dumps->end() && found->second) {
      SocketDump& whole = *found->second;
      if (request.domain != 0 && whole.bytes.size() > kStripAbove)
        whole.bytes = without_foreign_attributes(whole.bytes, inodes);
      kept.push_back({std::string(request.family), std::move(whole.bytes), socket_table_path(request.family, false, 0),
                      fmt::format("sock_diag {}", request.family), std::move(whole.cut), false});
      continue;
    }
    if (dumps && found != dumps->end()) why = found->second.error();
    keep_text(request.family, target, &why, kept, out);
  }
}

std::vector<SocketTable> tables_of(const std::vector<Kept>& kept) {
  std::vector<SocketTable> tables;
  tables.reserve(kept.size());
  for (const Kept& one : kept) tables.push_back({one.family, one.text, one.bytes, one.place});
  return tables;
}

// Everything of which somebody else may hold the other end, or the whole.
std::unordered_set<uint64_t> wanted_inodes(const NamespaceSockets& sockets, const TargetInodes& own) {
  std::unordered_set<uint64_t> wanted = own.pipes;
  for (const auto& [inode, socket] : sockets.of_target) {
    if (socket.peer_inode) wanted.insert(socket.peer_inode);
    auto listener = sockets.waiting_at.find(inode);
    if (listener != sockets.waiting_at.end()) wanted.insert(listener->second);
  }
  for (const Socket& listener : sockets.summary.listening)
    if (listener.inode && !own.sockets.contains(listener.inode)) wanted.insert(listener.inode);
  return wanted;
}

}  // namespace

void gather_sockets(GatherContext& context) {
  const TargetIdentity* target = context.target;
  Sink& out = context.out;
  TargetInodes own;
  Deadline for_links = Deadline::in(milliseconds(context.deadline.remaining_ms() / 3));
  if (target) own = target_inodes(*target, context.fd_links, for_links, out);

  Result<Dumps> dumps = dump_all(target, context.deadline.earlier_of(Deadline::in(kDumpBudget)), out);
  std::vector<Kept> kept;
  keep_dumps(dumps, target, own.sockets, kept, out);
  NamespaceSockets sockets = read_sockets(tables_of(kept), own.sockets, sysconf(_SC_CLK_TCK));
  if (sockets.of_target.size() < own.sockets.size()) {
    for (std::string_view family : {"netlink", "packet", "raw", "raw6"}) keep_text(family, target, nullptr, kept, out);
  }
  for (const Kept& table : kept) {
    // Dumps are numbers, addresses and names of sockets.
    Redact redact = table.text && table.family == "unix" ? Redact::kText : Redact::kNothing;
    if (table.reason.empty())
      out.artifact(table.place, table.source, table.bytes, redact);
    else
      out.partial(table.place, table.source, table.bytes, table.reason, redact);
  }
  auto wanted = wanted_inodes(sockets, own);
  if (!wanted.empty())
    gather_peers(wanted, target ? target->pid : 0, context.deadline.earlier_of(Deadline::in(kPeerBudget)), out);
}

void parse_sockets(const RawStore& store, Snapshot& snapshot) { join_sockets(store, snapshot); }

}  // namespace ec
