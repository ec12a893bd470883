#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "collector/analysis/words.h"
#include "collector/base/text.h"
#include "collector/report/derived.h"
#include "collector/report/text_layout.h"

namespace ec::derived {

namespace {

using Out = std::back_insert_iterator<std::string>;

std::string rate(double value) { return value >= 100 ? fmt::format("{:.0f}", value) : fmt::format("{:.1f}", value); }

std::string network_txt(const Host& host) {
  std::string text;
  if (host.interfaces) {
    TextTable table({"interface", ">received/s", ">sent/s", ">packets in/s", ">packets out/s", ">errors in/s",
                     ">errors out/s", ">drops in/s", ">drops out/s"});
    for (auto& each : *host.interfaces)
      table.row({each.name, human_bytes(each.rx_bytes), human_bytes(each.tx_bytes), rate(each.rx_packets),
                 rate(each.tx_packets), rate(each.rx_errors), rate(each.tx_errors), rate(each.rx_drops),
                 rate(each.tx_drops)});
    text += "interfaces, between the two readings (as sar -n DEV)\n" + table.text();
  }
  if (host.tcp) {
    auto& tcp = *host.tcp;
    TextTable table({"TCP (as sar -n TCP,ETCP)", ">per second", ">since boot"});
    auto total = [](uint64_t value) { return std::to_string(value); };
    table.row({"connections opened", rate(tcp.active_opens), ""});
    table.row({"connections accepted", rate(tcp.passive_opens), ""});
    table.row({"failed connects", rate(tcp.attempt_fails), total(tcp.attempt_fails_total)});
    table.row({"resets received", rate(tcp.resets_received), ""});
    table.row({"resets sent", rate(tcp.resets_sent), ""});
    table.row({"segments in", rate(tcp.in_segments), ""});
    table.row({"segments out", rate(tcp.out_segments), total(tcp.out_segments_total)});
    table.row({"segments sent again", rate(tcp.retransmitted), total(tcp.retransmitted_total)});
    table.row({"SYN sent again", rate(tcp.syn_retransmits), ""});
    table.row({"timeouts", rate(tcp.timeouts), ""});
    table.row({"bad segments in", rate(tcp.in_errors), ""});
    table.row({"dropped: accept queue full", rate(tcp.listen_overflows), total(tcp.listen_overflows_total)});
    table.row({"dropped: before the accept queue", rate(tcp.listen_drops), total(tcp.listen_drops_total)});
    table.row({"dropped: socket backlog full", rate(tcp.backlog_drops), ""});
    table.row({"memory pressure entered", rate(tcp.memory_pressures), ""});
    table.row({"UDP receive buffer full", rate(tcp.udp_receive_buffer_errors), ""});
    text += (text.empty() ? "" : "\n") + table.text();
  }
  return text;
}

std::string sockets_txt(const SocketSummary& sockets) {
  std::string text = fmt::format("{} TCP, {} UDP and {} unix sockets in the network namespace of the target\n",
                                 sockets.tcp, sockets.udp, sockets.unix_sockets);
  for (auto& [state, count] : sockets.tcp_by_state)
    fmt::format_to(Out(text), "{:>7}  TCP {}\n", count, plain_line(state, 24));
  TextTable table({"local", "family", ">waiting", ">backlog", "owner"});
  for (size_t i = 0; i < sockets.listening.size(); ++i) {
    auto& socket = sockets.listening[i];
    std::string owner = "not known";
    if (i < sockets.listening_owner.size() && sockets.listening_owner[i].pid != 0)
      owner = fmt::format("{} (pid {})", sockets.listening_owner[i].comm, sockets.listening_owner[i].pid);
    table.row({socket.local, socket.family, std::to_string(socket.receive_queue),
               socket.backlog ? std::to_string(*socket.backlog) : "", owner});
  }
  if (table.rows() > 0) text += "\nlistening\n" + table.text();
  return text;
}

std::string processes_txt(const std::vector<HostProcess>& processes) {
  TextTable table({">pid", ">ppid", "user", "s", ">cores", ">cpu time", ">memory", ">threads", ">age", ">read/s",
                   ">written/s", "name", "command line"});
  for (auto& process : processes) {
    std::string name = process.kernel_thread ? "[" + process.comm + "]" : process.comm;
    if (process.executable_deleted) name += " (deleted)";
    table.row({std::to_string(process.pid), std::to_string(process.ppid), process.user, std::string(1, process.state),
               fmt::format("{:.2f}", process.cpu_cores), fmt::format("{:.1f}", process.cpu_seconds),
               human_bytes(static_cast<double>(process.rss_bytes)), std::to_string(process.threads),
               human_duration(process.age_seconds), human_bytes(process.read_bytes), human_bytes(process.write_bytes),
               name, plain_line(process.cmdline, 200)});
  }
  return fmt::format("{}, most CPU first (as top, pidstat)\n{}", counted(processes.size(), "process", "processes"),
                     table.text());
}

std::string blocked_txt(const std::vector<BlockedTask>& tasks) {
  std::string text = "Tasks in state D. One seen in both readings was stuck all the time between.\n";
  for (auto& task : tasks) {
    fmt::format_to(Out(text), "\n{} pid {} tid {}{}{}, in {}\n", plain_line(task.comm, 32), task.pid, task.tid,
                   task.of_target ? ", of the target" : "",
                   task.in_both_readings ? ", in both readings" : ", in one reading", plain_line(task.wchan, 80));
    for (auto& frame : task.kernel_frames) fmt::format_to(Out(text), "    {}\n", plain_line(frame, 200));
  }
  return text;
}

std::string kernel_txt(const Host& host) {
  std::string text = fmt::format("{} {} ({})\n", plain_line(host.kernel, 200), plain_line(host.architecture, 40),
                                 plain_line(host.distribution, 100));
  if (host.taint)
    fmt::format_to(Out(text), "taint: {}\n",
                   host.taint->empty() ? "none" : plain_line(fmt::format("{}", fmt::join(*host.taint, ", ")), 400));
  if (host.sysctls) {
    text += '\n';
    for (auto& [name, value] : *host.sysctls)
      fmt::format_to(Out(text), "{} = {}\n", plain_line(name, 100), plain_line(trim(value), 200));
  }
  if (host.modules) {
    fmt::format_to(Out(text), "\n{}\n", counted(host.modules->size(), "module"));
    for (auto& line : wrap(plain_line(fmt::format("{}", fmt::join(*host.modules, " ")), 64 * 1024), 118))
      text += line + "\n";
  }
  return text;
}

std::string kernel_log_txt(const std::vector<KernelLogLine>& lines) {
  static constexpr const char* kLevels[] = {"emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"};
  std::string text;
  for (auto& line : lines)
    fmt::format_to(Out(text), "[{:>12.6f}] {:<6} {}\n", line.seconds, kLevels[std::clamp(line.level, 0, 7)],
                   plain_line(line.text, 1000));
  return text;
}

}  // namespace

void system_activity(const Snapshot& snapshot, Artifacts& out) {
  auto& host = snapshot.host;
  if (auto text = network_txt(host); !text.empty())
    out.push_back({"system/network.txt", "net/dev, net/snmp, net/netstat of the target's namespace", std::move(text)});
  if (snapshot.sockets) out.push_back({"system/sockets.txt", "raw/sock_diag", sockets_txt(*snapshot.sockets)});
  if (host.processes) out.push_back({"system/processes.txt", "raw/processes.bundle", processes_txt(*host.processes)});
  if (host.blocked) out.push_back({"system/blocked.txt", "raw/blocked.bundle", blocked_txt(*host.blocked)});
  if (!host.kernel.empty())
    out.push_back({"system/kernel.txt", "raw/host, raw/proc/sys, raw/proc/modules", kernel_txt(host)});
  if (host.kernel_log) out.push_back({"system/kernel_log.txt", "raw/kmsg.txt", kernel_log_txt(*host.kernel_log)});
}

}  // namespace ec::derived
