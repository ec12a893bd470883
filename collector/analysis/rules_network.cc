#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "collector/analysis/file_classes.h"
#include "collector/analysis/rules.h"
#include "collector/base/text.h"

namespace ec::rules {

namespace {

std::string fd_of(const Snapshot& snapshot, size_t socket) {
  for (auto& file : snapshot.files->files)
    if (file.socket == socket) return fmt::format("fd {}", file.fd);
  return fmt::format("inode {}", snapshot.files->sockets[socket].inode);
}

// The kernel drops a connection when the queue is longer than the backlog (sk_acceptq_is_full: strictly greater).
bool is_full(uint64_t waiting, uint64_t backlog) { return waiting > backlog || (waiting == backlog && backlog >= 8); }

void full_listeners(const Snapshot& snapshot, Findings& findings) {
  if (!snapshot.files) return;
  auto& sockets = snapshot.files->sockets;
  for (size_t i = 0; i < sockets.size(); ++i) {
    auto& socket = sockets[i];
    if (socket.state != "LISTEN" || !socket.backlog || *socket.backlog == 0) continue;
    uint64_t waiting = socket.receive_queue, backlog = *socket.backlog;
    bool full = is_full(waiting, backlog);
    bool long_queue = backlog >= 8 && ratio(waiting, backlog) >= 0.5;
    if (!full && !long_queue) continue;
    Severity severity = full                             ? Severity::kCritical
                        : ratio(waiting, backlog) >= 0.8 ? Severity::kHigh
                                                         : Severity::kMedium;
    std::string place = in_sentence(socket.local, 80);
    Finding finding{"connection-backlog",
                    severity,
                    fmt::format("Accept queue of {}: {}", place, share_of(waiting, backlog)),
                    "",
                    {}};
    finding.detail = full ? fmt::format(
                                "{} does not accept connections on {} fast enough: {} wait, the queue holds {}, and "
                                "new ones are dropped.",
                                target_name(snapshot), place, waiting, backlog)
                          : fmt::format("{} is slow to accept connections on {}: {} wait in a queue of {}.",
                                        target_name(snapshot), place, waiting, backlog);
    finding.evidence.push_back({"process/fds.json", fd_of(snapshot, i),
                                fmt::format("LISTEN {} {} waiting, backlog {}", place, waiting, backlog)});
    findings.push_back(std::move(finding));
  }
}

// A full listener of the network namespace that is not the target's: "127.0.0.1:80 of nginx (pid 7): 2 wait, the queue
// holds 1"; "" when none is full at the moment.
std::string full_elsewhere(const Snapshot& snapshot) {
  if (!snapshot.sockets) return {};
  auto& listening = snapshot.sockets->listening;
  auto& owners = snapshot.sockets->listening_owner;
  for (size_t i = 0; i < listening.size(); ++i) {
    auto& socket = listening[i];
    if (!is_tcp(socket) || !socket.backlog || *socket.backlog == 0 || !is_full(socket.receive_queue, *socket.backlog))
      continue;
    std::string owner;
    if (i < owners.size() && owners[i].pid != 0)
      owner = fmt::format(" of {} (pid {})", in_sentence(owners[i].comm, 40), owners[i].pid);
    return fmt::format("{}{}: {} wait, the queue holds {}", in_sentence(socket.local, 80), owner, socket.receive_queue,
                       *socket.backlog);
  }
  return {};
}

bool target_listens(const Snapshot& snapshot) {
  return snapshot.files && std::any_of(snapshot.files->sockets.begin(), snapshot.files->sockets.end(),
                                       [](const Socket& s) { return is_tcp(s) && s.state == "LISTEN"; });
}

}  // namespace

Findings connection_backlog(const Snapshot& snapshot) {
  Findings findings;
  full_listeners(snapshot, findings);
  if (!snapshot.host.tcp) return findings;
  auto& tcp = *snapshot.host.tcp;
  std::string excerpt =
      fmt::format("ListenOverflows {} (+{:.1f}/s) ListenDrops {} (+{:.1f}/s)", tcp.listen_overflows_total,
                  tcp.listen_overflows, tcp.listen_drops_total, tcp.listen_drops);
  Evidence counters{raw_process(snapshot, "net/netstat"), "TcpExt: ListenOverflows, ListenDrops", excerpt};
  if (snapshot.target.pid == 0) counters.artifact = "system/network.txt";
  if (!findings.empty()) {
    if (tcp.listen_overflows_total > 0) findings.front().evidence.push_back(counters);
    return findings;
  }
  if (tcp.listen_overflows > 0) {
    // The counter is of the namespace: what the target does not own must not be the verdict on the target.
    std::string elsewhere = full_elsewhere(snapshot);
    bool others = snapshot.target.pid != 0 && snapshot.files && (!elsewhere.empty() || !target_listens(snapshot));
    Finding finding{"connection-backlog",
                    others ? Severity::kLow : Severity::kHigh,
                    fmt::format("Accept queues {}overflow: {:.1f} connections/s dropped",
                                others ? "of other processes " : "", tcp.listen_overflows),
                    fmt::format("Accept queues in the network namespace of {} overflow now: {:.1f} connections a "
                                "second are dropped, {} since boot.",
                                target_name(snapshot), tcp.listen_overflows, tcp.listen_overflows_total),
                    {counters}};
    if (others)
      finding.detail += fmt::format(" {} {}.", in_sentence(snapshot.target.comm, 40),
                                    target_listens(snapshot) ? "has none that is full" : "does not listen itself");
    if (!elsewhere.empty()) {
      finding.detail += fmt::format(" Full is {}.", elsewhere);
      finding.evidence.push_back({"system/sockets.txt", "listeners", elsewhere});
    }
    findings.push_back(std::move(finding));
  } else if (tcp.listen_overflows_total >= 100 && target_listens(snapshot))
    findings.push_back(
        {"connection-backlog",
         Severity::kInfo,
         fmt::format("Accept queues overflowed {} times, not now", tcp.listen_overflows_total),
         fmt::format(
             "Accept queues in the network namespace of {} overflowed {} times since boot, but not while we looked.",
             target_name(snapshot), tcp.listen_overflows_total),
         {counters}});
  return findings;
}

// CLOSE_WAIT: the peer has closed, the process has not. A busy service has some for moments; a pile of old ones is a
// leak.
Findings connection_leak(const Snapshot& snapshot) {
  if (!snapshot.files) return {};
  auto& files = *snapshot.files;
  uint64_t waiting = 0, connections = 0;
  std::map<std::string, uint64_t> by_remote;
  int example = -1;
  for (size_t i = 0; i < files.sockets.size(); ++i) {
    auto& socket = files.sockets[i];
    if (!is_tcp(socket) || socket.state == "LISTEN") continue;
    ++connections;
    if (socket.state != "CLOSE_WAIT" || (socket.last_receive_ms && *socket.last_receive_ms < 10'000)) continue;
    ++waiting;
    if (example < 0) example = static_cast<int>(i);
    ++by_remote[socket.remote.substr(0, socket.remote.rfind(':'))];
  }
  auto limit = soft_limit(snapshot, "Max open files");
  double of_limit = limit ? ratio(waiting, *limit) : 0;
  if (waiting < 20 || (waiting < 100 && ratio(waiting, connections) < 0.5 && of_limit < 0.2)) return {};
  Severity severity = of_limit >= 0.4 || waiting >= 5000  ? Severity::kHigh
                      : waiting >= 100 || of_limit >= 0.2 ? Severity::kMedium
                                                          : Severity::kLow;
  auto most =
      std::max_element(by_remote.begin(), by_remote.end(), [](auto& a, auto& b) { return a.second < b.second; });
  Finding finding{"connection-leak", severity, fmt::format("{} TCP connections in CLOSE_WAIT", waiting), "", {}};
  finding.detail = fmt::format(
      "{} holds {} TCP connections in CLOSE_WAIT, of {}: the other side has closed them, {} has not.",
      target_name(snapshot), waiting, counted(connections, "connection"), in_sentence(snapshot.target.comm, 40));
  if (most != by_remote.end() && 2 * most->second >= waiting)
    finding.detail += fmt::format(" {} of them were to {}.", most->second, in_sentence(most->first, 60));
  finding.detail +=
      " Each keeps a descriptor for ever: it is a bug in the program, and only closing or a restart frees them.";
  finding.evidence.push_back(
      {"process/fds.json", fd_of(snapshot, static_cast<size_t>(example)),
       fmt::format("CLOSE_WAIT {} → {}", in_sentence(files.sockets[static_cast<size_t>(example)].local, 60),
                   in_sentence(files.sockets[static_cast<size_t>(example)].remote, 60))});
  finding.evidence.push_back(
      {"process/open_files.txt", "classes", fmt::format("{:>7}  TCP connections in CLOSE_WAIT", waiting)});
  if (limit) finding.evidence.push_back(limit_evidence(snapshot, "Max open files"));
  return {finding};
}

namespace {

// Connects without an answer, by remote address: the commonest "network problem" of an incident.
void unanswered_connects(const Snapshot& snapshot, Findings& findings) {
  if (!snapshot.files) return;
  std::map<std::string, std::vector<size_t>> by_remote;
  for (size_t i = 0; i < snapshot.files->sockets.size(); ++i) {
    auto& socket = snapshot.files->sockets[i];
    if (socket.state == "SYN_SENT" && socket.retransmits_now.value_or(0) >= 1) by_remote[socket.remote].push_back(i);
  }
  for (auto& [remote, sockets] : by_remote) {
    if (sockets.size() < 2 && snapshot.files->sockets[sockets.front()].retransmits_now.value_or(0) < 2) continue;
    std::string place = in_sentence(remote, 80);
    findings.push_back(
        {"retransmits",
         Severity::kHigh,
         fmt::format("{} answers no connection", place),
         fmt::format("{} tries to connect to {} and gets no answer: {} in SYN_SENT, SYN sent again up to {} times.",
                     target_name(snapshot), place, counted(sockets.size(), "connection"),
                     snapshot.files->sockets[sockets.front()].retransmits_now.value_or(0)),
         {{"process/fds.json", fd_of(snapshot, sockets.front()), fmt::format("SYN_SENT → {}", place)}}});
    if (findings.size() == 3) return;
  }
}

void silent_peers(const Snapshot& snapshot, Findings& findings) {
  if (!snapshot.files) return;
  uint64_t silent = 0, established = 0;
  size_t example = 0;
  for (size_t i = 0; i < snapshot.files->sockets.size(); ++i) {
    auto& socket = snapshot.files->sockets[i];
    if (!is_tcp(socket) || socket.state != "ESTABLISHED") continue;
    ++established;
    if (socket.retransmits_now.value_or(0) >= 3 && silent++ == 0) example = i;
  }
  // Clients of the open internet vanish all the time: a few of many are no finding.
  if (silent < 5 && !(silent >= 2 && 5 * silent >= established)) return;
  if (20 * silent < established) return;
  auto& socket = snapshot.files->sockets[example];
  findings.push_back(
      {"retransmits",
       5 * silent >= established ? Severity::kHigh : Severity::kMedium,
       fmt::format("{} of {} connections are not answered", silent, established),
       fmt::format("{} gets no acknowledgement on {} of its {} TCP connections and sends again, to {} for one.",
                   target_name(snapshot), silent, established, in_sentence(socket.remote, 80)),
       {{"process/fds.json", fd_of(snapshot, example),
         fmt::format("ESTABLISHED → {} {} retransmits of the current segment", in_sentence(socket.remote, 80),
                     socket.retransmits_now.value_or(0))}}});
}

}  // namespace

Findings retransmits(const Snapshot& snapshot) {
  Findings findings;
  unanswered_connects(snapshot, findings);
  if (findings.empty()) silent_peers(snapshot, findings);
  if (!snapshot.host.tcp) return findings;
  auto& tcp = *snapshot.host.tcp;
  double interval = reading_interval(snapshot);
  if (interval <= 0) interval = 0.1;  // not known: the shortest run, so that a rate must be high to count
  double segments = tcp.out_segments * interval, again = tcp.retransmitted * interval, share = retransmitted_share(tcp);
  if (segments < 50 || again < 5 || share < 0.03) return findings;
  // Few segments may be one bad connection: the whole life of the host must not contradict.
  double ever = ratio(tcp.retransmitted_total, tcp.out_segments_total);
  bool large_sample = segments >= 500;
  if (!large_sample && ever < 0.01) return findings;
  findings.push_back({"retransmits",
                      share >= 0.10 ? Severity::kHigh : Severity::kMedium,
                      fmt::format("{:.1f} % of TCP segments are sent again", 100 * share),
                      fmt::format("{:.1f} % of the TCP segments sent from the network namespace of {} are sent again "
                                  "({:.0f} of {:.0f} a second): packets are lost, or peers do not answer.",
                                  100 * share, target_name(snapshot), tcp.retransmitted, tcp.out_segments),
                      {{snapshot.target.pid != 0 ? raw_process(snapshot, "net/snmp") : "system/network.txt",
                        "Tcp: OutSegs, RetransSegs",
                        fmt::format("{:.0f}/s of {:.0f}/s; {} of {} since boot", tcp.retransmitted, tcp.out_segments,
                                    tcp.retransmitted_total, tcp.out_segments_total)}}});
  return findings;
}

Findings conntrack_full(const Snapshot& snapshot) {
  auto& host = snapshot.host;
  if (!host.conntrack_used || !host.conntrack_limit || *host.conntrack_limit == 0) return {};
  auto severity = severity_of_fullness(ratio(*host.conntrack_used, *host.conntrack_limit), {0.98, 0.90, 0.80});
  if (!severity) return {};
  return {{"conntrack-full",
           *severity,
           fmt::format("Connection tracking: {}", share_of(*host.conntrack_used, *host.conntrack_limit)),
           fmt::format("The connection tracking table of the host holds {} of {} entries. When it is full the kernel "
                       "drops new connections of every service, silently for them.",
                       *host.conntrack_used, *host.conntrack_limit),
           {{"raw/proc/sys/net/netfilter/nf_conntrack_count", "line 1", std::to_string(*host.conntrack_used)},
            {"raw/proc/sys/net/netfilter/nf_conntrack_max", "line 1", std::to_string(*host.conntrack_limit)}}}};
}

}  // namespace ec::rules
