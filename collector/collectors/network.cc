#include "collector/collectors/network.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

#include <cerrno>
#include <map>

#include "collector/base/text.h"
#include "collector/base/unique_fd.h"
#include "collector/collectors/host_readings.h"
#include "collector/collectors/process_files.h"
#include "collector/proc/net_dev.h"
#include "collector/proc/net_snmp.h"
#include "collector/target/privileges.h"

namespace ec {

namespace {

constexpr std::string_view kSettings = "raw/host/net_sysctl.bundle";
constexpr std::string_view kConntrackUsed = "raw/proc/sys/net/netfilter/nf_conntrack_count";
constexpr std::string_view kConntrackLimit = "raw/proc/sys/net/netfilter/nf_conntrack_max";

// Enters the network namespace of the target while it lives: /proc/sys/net shows that of its reader. A helper process
// has one thread, so nothing else is moved.
class NetworkNamespace {
 public:
  explicit NetworkNamespace(const TargetIdentity* target) {
    if (!target) return;
    std::string task = fmt::format("/proc/{}/task/{}", target->pid, target->live_tid), link = task + "/ns/net";
    // Each namespace has a net/dev of its own (fs/proc/proc_net.c), and unlike ns/net anybody may ask for its inode.
    struct stat ours_now {
    }, theirs_now{};
    if (stat("/proc/self/net/dev", &ours_now) != 0 || stat((task + "/net/dev").c_str(), &theirs_now) != 0) {
      error_ = sys_error(task + "/net/dev", errno);
      return;
    }
    if (ours_now.st_ino == theirs_now.st_ino) return;
    ours_.reset(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    UniqueFd theirs(open(link.c_str(), O_RDONLY | O_CLOEXEC));
    if (!ours_ || !theirs || setns(theirs.get(), CLONE_NEWNET) != 0) {
      error_ = sys_error(link, errno, "the target's network namespace cannot be entered");
      ours_.reset();
    }
  }
  ~NetworkNamespace() {
    if (ours_) (void)setns(ours_.get(), CLONE_NEWNET);
  }
  NetworkNamespace(const NetworkNamespace&) = delete;
  NetworkNamespace& operator=(const NetworkNamespace&) = delete;

  // Why what is read is not what the target has.
  const std::optional<Error>& error() const { return error_; }

 private:
  UniqueFd ours_;
  std::optional<Error> error_;
};

void gather_settings(GatherContext& context) {
  constexpr std::string_view kNames[] = {
      "net/core/somaxconn",
      "net/core/netdev_max_backlog",
      "net/core/rmem_max",
      "net/core/wmem_max",
      "net/ipv4/tcp_max_syn_backlog",
      "net/ipv4/tcp_syncookies",
      "net/ipv4/tcp_abort_on_overflow",
      "net/ipv4/ip_local_port_range",
      "net/ipv4/ip_local_reserved_ports",
      "net/ipv4/tcp_tw_reuse",
      "net/ipv4/tcp_fin_timeout",
      "net/ipv4/tcp_max_tw_buckets",
      "net/ipv4/tcp_max_orphans",
      "net/ipv4/tcp_mem",
      "net/ipv4/udp_mem",
      "net/ipv4/tcp_rmem",
      "net/ipv4/tcp_wmem",
      "net/ipv4/tcp_keepalive_time",
      "net/ipv4/tcp_congestion_control",
      "net/ipv4/tcp_retries2",
      "net/ipv4/tcp_slow_start_after_idle",
      "net/unix/max_dgram_qlen",
      "net/netfilter/nf_conntrack_buckets",
  };
  NetworkNamespace there(context.target);
  if (there.error()) {
    Error why = unless_absent(context.target, *there.error());
    context.out.failed(
        kSettings, why.where, why,
        why.code == ErrorCode::kDenied ? fix_for_refusal(own_privileges(), {"CAP_SYS_ADMIN", "CAP_SYS_PTRACE"}) : "");
    return;
  }
  for (std::string_view artifact : {kConntrackUsed, kConntrackLimit})
    store_if_there(context, std::string(artifact), std::string(artifact.substr(3)), Redact::kNothing);
  for (std::string_view name : kNames) {
    std::string file = fmt::format("/proc/sys/{}", name);
    context.out.touch(file);
    auto bytes = read_file(file, 64 * 1024);
    if (bytes)
      context.out.section(kSettings, name, *bytes);
    else
      context.out.failed_section(kSettings, name, bytes.error());
  }
}

Part<std::vector<InterfaceRates>> interface_rates(const RawStore& store, const std::string& net) {
  auto devices = both(store, net + "/dev", parse_net_dev);
  if (!devices) return devices.error();
  std::map<std::string_view, const InterfaceCounters*> first;
  for (const InterfaceCounters& device : devices->first) first.emplace(device.name, &device);
  std::vector<InterfaceRates> rates;
  for (const InterfaceCounters& device : devices->latest) {
    auto before = first.find(device.name);
    if (before == first.end()) continue;
    auto rate = [&](uint64_t InterfaceCounters::*counter) {
      return static_cast<double>(growth(before->second->*counter, device.*counter)) / devices->seconds;
    };
    using C = InterfaceCounters;
    rates.push_back({device.name, rate(&C::rx_bytes), rate(&C::tx_bytes), rate(&C::rx_packets), rate(&C::tx_packets),
                     rate(&C::rx_errors), rate(&C::tx_errors), rate(&C::rx_drops), rate(&C::tx_drops)});
  }
  return rates;
}

class SnmpRates {
 public:
  explicit SnmpRates(const Pair<SnmpCounters>& pair) : pair_(pair) {}
  static uint64_t value(const SnmpCounters& counters, std::string_view name) {
    auto found = counters.find(name);
    return found == counters.end() || found->second < 0 ? 0 : static_cast<uint64_t>(found->second);
  }
  uint64_t total(std::string_view name) const { return value(pair_.latest, name); }
  double rate(std::string_view name) const {
    return static_cast<double>(growth(value(pair_.first, name), total(name))) / pair_.seconds;
  }

 private:
  const Pair<SnmpCounters>& pair_;
};

Part<TcpRates> tcp_rates(const RawStore& store, const std::string& net) {
  auto snmp = both(store, net + "/snmp", parse_net_snmp);
  if (!snmp) return snmp.error();
  auto netstat = both(store, net + "/netstat", parse_net_snmp);
  if (!netstat) return netstat.error();
  SnmpRates tcp(*snmp), extended(*netstat);
  TcpRates r;
  r.active_opens = tcp.rate("Tcp.ActiveOpens");
  r.passive_opens = tcp.rate("Tcp.PassiveOpens");
  r.attempt_fails = tcp.rate("Tcp.AttemptFails");
  r.resets_received = tcp.rate("Tcp.EstabResets");
  r.resets_sent = tcp.rate("Tcp.OutRsts");
  r.in_segments = tcp.rate("Tcp.InSegs");
  r.out_segments = tcp.rate("Tcp.OutSegs");
  r.retransmitted = tcp.rate("Tcp.RetransSegs");
  r.in_errors = tcp.rate("Tcp.InErrs");
  r.udp_receive_buffer_errors = tcp.rate("Udp.RcvbufErrors");
  r.listen_overflows = extended.rate("TcpExt.ListenOverflows");
  r.listen_drops = extended.rate("TcpExt.ListenDrops");
  r.syn_retransmits = extended.rate("TcpExt.TCPSynRetrans");
  r.timeouts = extended.rate("TcpExt.TCPTimeouts");
  r.backlog_drops = extended.rate("TcpExt.TCPBacklogDrop");
  r.memory_pressures = extended.rate("TcpExt.TCPMemoryPressures");
  r.listen_overflows_total = extended.total("TcpExt.ListenOverflows");
  r.listen_drops_total = extended.total("TcpExt.ListenDrops");
  r.attempt_fails_total = tcp.total("Tcp.AttemptFails");
  r.retransmitted_total = tcp.total("Tcp.RetransSegs");
  r.out_segments_total = tcp.total("Tcp.OutSegs");
  return r;
}

Part<uint64_t> conntrack(const RawStore& store, std::string_view artifact) {
  auto number = stored_number(store, artifact);
  if (number || store.row(artifact)) return number;
  if (auto settings = store.read(kSettings); !settings) return settings.error();
  return Error{ErrorCode::kUnsupported, std::string(artifact), "connection tracking is not loaded", 0};
}

}  // namespace

void gather_network(GatherContext& context) {
  const TargetIdentity* target = context.target;
  std::string net = network_path(target ? target->pid : 0);
  // A process whose main thread has ended shows its namespace through the threads that live.
  std::string folder = target ? fmt::format("/proc/{}/task/{}/net", target->pid, target->live_tid) : "/proc/net";
  auto artifact = [&](std::string_view name) { return raw_path(context.reading, fmt::format("{}/{}", net, name)); };
  auto store = [&](std::string_view name) {
    std::string file = fmt::format("{}/{}", folder, name);
    context.out.touch(file);
    auto bytes = read_file(file);
    if (bytes) return context.out.artifact(artifact(name), file, *bytes, Redact::kNothing);
    Error why = unless_absent(target, bytes.error());
    context.out.failed(artifact(name), file, why, fix_for(why, file));
  };
  store("dev");
  store("snmp");
  store("netstat");
  store_if_there(context, raw_path(context.reading, "proc/net/softnet_stat"), "/proc/net/softnet_stat",
                 Redact::kNothing);
  if (context.reading != Reading::kFirst) return;
  for (const char* name : {"sockstat", "sockstat6", "snmp6"})  // the last two: only with IPv6
    store_if_there(context, artifact(name), fmt::format("{}/{}", folder, name), Redact::kNothing);
  gather_settings(context);
}

void parse_network(const RawStore& store, Snapshot& snapshot) {
  std::string net = network_path(snapshot.target.pid);
  snapshot.host.interfaces = interface_rates(store, net);
  snapshot.host.tcp = tcp_rates(store, net);
  snapshot.host.conntrack_used = conntrack(store, kConntrackUsed);
  snapshot.host.conntrack_limit = conntrack(store, kConntrackLimit);
}

}  // namespace ec
