// One screen, before anything is collected: what a person checks in the first minute. 24 to 50 lines of 80 columns.
#include <fmt/format.h>

#include <algorithm>

#include "collector/analysis/file_classes.h"
#include "collector/analysis/words.h"
#include "collector/base/clock.h"
#include "collector/base/text.h"
#include "collector/report/terminal_writer.h"

namespace ec {

namespace {

using Mark = Figure::Mark;

// "!! CPU  …": the mark is there without colour too.
void row(TerminalWriter& out, std::string_view label, std::string_view text, Mark mark = Mark::kNormal) {
  std::string_view sign = mark == Mark::kBad ? "!!" : mark == Mark::kWarning ? " !" : "  ";
  out.item(fmt::format("{} {:<18} ", sign, clip(plain_line(label, 60), 18)), plain_line(text, 600), tone_of(mark),
           tone_of(mark));
}

void figure_rows(TerminalWriter& out, const std::vector<Figure>& all, std::string_view group) {
  for (auto& figure : all)
    if (figure.group == group && !figure.key.starts_with("process.tcp."))
      row(out, figure.label, figure.text, figure.mark);
}

void filesystems(const Snapshot& snapshot, TerminalWriter& out) {
  if (!snapshot.host.filesystems) return;
  std::vector<const Filesystem*> shown;
  for (auto& filesystem : *snapshot.host.filesystems) {
    bool real = filesystem.hung || (filesystem.size_bytes && *filesystem.size_bytes > 0);
    bool image = filesystem.type == "squashfs" || filesystem.type == "iso9660" || filesystem.type == "erofs";
    bool memory_only = (filesystem.type == "tmpfs" || filesystem.type == "devtmpfs") && filesystem.used_percent() < 80;
    bool same = std::any_of(shown.begin(), shown.end(), [&](auto* other) {
      return other->source == filesystem.source && other->type == filesystem.type && filesystem.type != "tmpfs";
    });
    if (real && !image && !same && !memory_only) shown.push_back(&filesystem);
  }
  std::stable_sort(shown.begin(), shown.end(), [](auto* a, auto* b) {
    return std::max(a->used_percent(), a->inodes_used_percent()) + (a->hung ? 1000 : 0) >
           std::max(b->used_percent(), b->inodes_used_percent()) + (b->hung ? 1000 : 0);
  });
  for (size_t i = 0; i < std::min<size_t>(shown.size(), 3); ++i) {
    auto& filesystem = *shown[i];
    double used = filesystem.used_percent(), inodes = filesystem.inodes_used_percent(), worst = std::max(used, inodes);
    if (filesystem.hung)
      row(out, "disk",
          fmt::format("{} does not answer ({})", plain_line(filesystem.mount_point, 80),
                      plain_line(filesystem.type, 20)),
          Mark::kBad);
    else
      row(out, "disk",
          fmt::format("{} {:.0f} % used, {} left, {:.0f} % of the inodes", plain_line(filesystem.mount_point, 80), used,
                      human_bytes(static_cast<double>(filesystem.available_bytes.value_or(0))), inodes),
          worst >= 97   ? Mark::kBad
          : worst >= 90 ? Mark::kWarning
                        : Mark::kNormal);
  }
}

void devices(const Snapshot& snapshot, TerminalWriter& out) {
  if (!snapshot.host.disks) return;
  double operations = 0;
  for (auto& disk : *snapshot.host.disks) operations += disk.reads + disk.writes;
  double wait = snapshot.host.cpu && !snapshot.host.cpu->empty() ? snapshot.host.cpu->front().iowait : 0;
  row(out, "IOPS", fmt::format("{:.0f}/s on all disks; I/O wait {:.0f} % of the CPU time", operations, wait),
      wait >= 40   ? Mark::kBad
      : wait >= 20 ? Mark::kWarning
                   : Mark::kNormal);
}

void connections(const Snapshot& snapshot, TerminalWriter& out) {
  if (snapshot.files) {
    std::string text;
    uint64_t close_wait = 0, listening = 0, active = 0;
    for (auto& [state, count] : tcp_states(*snapshot.files)) {
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", state, count);
      if (state == "CLOSE_WAIT") close_wait = count;
      (state == "LISTEN" ? listening : active) += count;
    }
    if (!text.empty())
      row(out, "connections", text, close_wait >= 100 ? Mark::kBad : close_wait >= 20 ? Mark::kWarning : Mark::kNormal);
    std::vector<std::string> places;
    Mark mark = Mark::kNormal;
    for (auto& socket : snapshot.files->sockets)
      if (socket.state == "LISTEN" && is_tcp(socket)) {
        places.push_back(
            fmt::format("{}{}", plain_line(socket.local, 60),
                        socket.backlog ? fmt::format(" (queue {}/{})", socket.receive_queue, *socket.backlog) : ""));
        if (socket.backlog && *socket.backlog > 0 && socket.receive_queue >= *socket.backlog) mark = Mark::kBad;
      }
    if (!places.empty()) row(out, "listens on", enumerate(places, 4), mark);
  } else if (snapshot.sockets) {
    row(out, "sockets",
        fmt::format("{} TCP, {} UDP, {} listening", snapshot.sockets->tcp, snapshot.sockets->udp,
                    snapshot.sockets->listening.size()));
  }
  if (snapshot.host.tcp) {
    auto& tcp = *snapshot.host.tcp;
    row(out, "connects",
        fmt::format("{:.1f}/s out, {:.1f}/s in; failed {:.1f}/s, {} since boot; {:.1f}/s dropped by full queues",
                    tcp.active_opens, tcp.passive_opens, tcp.attempt_fails, tcp.attempt_fails_total,
                    tcp.listen_overflows),
        tcp.listen_overflows > 0 ? Mark::kBad
        : tcp.attempt_fails >= 5 ? Mark::kWarning
                                 : Mark::kNormal);
  }
}

void problems(const Snapshot& snapshot, TerminalWriter& out) {
  auto found = analyse(snapshot);
  std::erase_if(found, [](const Finding& finding) { return finding.severity == Severity::kInfo; });
  out.item("", plain_line(headline(snapshot, found) + ".", 600), Tone::kNone,
           found.empty()                                     ? Tone::kGreen
           : tone_of(found.front().severity) == Tone::kAlarm ? Tone::kRed
                                                             : tone_of(found.front().severity));
  for (size_t i = 0; i < std::min<size_t>(found.size(), 6); ++i) {
    out.item(fmt::format("{} {:<8} ", found[i].severity <= Severity::kHigh ? "!!" : " !", to_string(found[i].severity)),
             fmt::format("{}  [{}]", plain_line(found[i].title, 200), found[i].id), tone_of(found[i].severity));
  }
}

}  // namespace

std::string checklist_terminal(const Snapshot& snapshot, bool colour, int columns) {
  TerminalWriter out(colour, columns);
  std::string host = plain_line(snapshot.host.name, 60);
  out.line(fmt::format("{}{}  {}", snapshot.target.pid == 0 ? "" : plain_line(target_name(snapshot), 80) + " on ",
                       host.empty() ? "this host" : host,
                       snapshot.run.started_wall_ns != 0 ? rfc3339(snapshot.run.started_wall_ns) : ""),
           Tone::kBold);
  problems(snapshot, out);
  auto all = figures(snapshot);
  out.heading("HOST");
  figure_rows(out, all, "Host");
  filesystems(snapshot, out);
  devices(snapshot, out);
  if (snapshot.target.pid == 0) {
    connections(snapshot, out);
    return out.take();
  }
  out.heading("TARGET");
  figure_rows(out, all, "Target");
  connections(snapshot, out);
  if (std::any_of(all.begin(), all.end(), [](const Figure& figure) { return figure.group == "Runtime"; })) {
    out.heading("RUNTIME");
    figure_rows(out, all, "Runtime");
  }
  if (snapshot.logs && !snapshot.logs->last_errors.empty()) {
    out.heading("LAST ERRORS IN ITS LOGS");
    auto& errors = snapshot.logs->last_errors;
    for (size_t i = errors.size() - std::min<size_t>(errors.size(), 3); i < errors.size(); ++i)
      out.line("   " + plain_line(errors[i], 300));
  }
  return out.take();
}

}  // namespace ec
