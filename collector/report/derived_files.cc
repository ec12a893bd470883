#include <fmt/format.h>

#include <iterator>

#include "collector/analysis/file_classes.h"
#include "collector/analysis/words.h"
#include "collector/base/text.h"
#include "collector/report/derived.h"
#include "collector/report/json_text.h"
#include "collector/report/text_layout.h"

namespace ec::derived {

namespace {

using Out = std::back_insert_iterator<std::string>;

void optional_number(std::string& out, const char* name, const auto& value) {
  if (value) fmt::format_to(Out(out), "\"{}\":{},", name, *value);
}

void optional_text(std::string& out, const char* name, std::string_view text) {
  if (!text.empty()) append_json_field(out, name, text);
}

void peers_json(std::string& out, const std::vector<PeerProcess>& peers) {
  if (peers.empty()) return;
  out += "\"peers\":[";
  for (size_t i = 0; i < peers.size(); ++i) {
    fmt::format_to(Out(out), "{}{{\"pid\":{},\"fd\":{},\"comm\":", i > 0 ? "," : "", peers[i].pid, peers[i].fd);
    append_json_string(out, peers[i].comm);
    out += '}';
  }
  out += "],";
}

// Closes the object: the comma after its last field becomes the brace.
void close(std::string& out) {
  if (out.back() == ',')
    out.back() = '}';
  else
    out += '}';
}

void socket_json(std::string& out, const Socket& socket) {
  fmt::format_to(Out(out), "\"socket\":{{\"inode\":{},", socket.inode);
  append_json_field(out, "family", socket.family);
  optional_text(out, "state", socket.state);
  optional_text(out, "type", socket.type);
  optional_text(out, "local", socket.local);
  optional_text(out, "remote", socket.remote);
  fmt::format_to(Out(out), "\"receive_queue\":{},\"send_queue\":{},", socket.receive_queue, socket.send_queue);
  optional_number(out, "backlog", socket.backlog);
  optional_number(out, "rtt_ms", socket.rtt_ms);
  optional_number(out, "rtt_variance_ms", socket.rtt_variance_ms);
  optional_number(out, "retransmits_now", socket.retransmits_now);
  optional_number(out, "retransmits_total", socket.retransmits_total);
  optional_number(out, "bytes_sent", socket.bytes_sent);
  optional_number(out, "bytes_received", socket.bytes_received);
  optional_number(out, "last_receive_ms", socket.last_receive_ms);
  optional_number(out, "last_send_ms", socket.last_send_ms);
  optional_number(out, "drops", socket.drops);
  optional_text(out, "timer", socket.timer);
  if (socket.peer_inode != 0) fmt::format_to(Out(out), "\"peer_inode\":{},", socket.peer_inode);
  peers_json(out, socket.peers);
  close(out);
  out += ',';
}

void file_json(std::string& out, const OpenFile& file, const OpenFiles& files) {
  fmt::format_to(Out(out), "{{\"fd\":{},", file.fd);
  append_json_field(out, "kind", file.kind);
  append_json_field(out, "target", file.target);
  if (file.deleted) out += "\"deleted\":true,";
  optional_text(out, "access", file.access);
  if (!file.flags.empty()) {
    out += "\"flags\":[";
    for (size_t i = 0; i < file.flags.size(); ++i) {
      if (i > 0) out += ',';
      append_json_string(out, file.flags[i]);
    }
    out += "],";
  }
  optional_number(out, "position", file.position);
  optional_number(out, "size_bytes", file.size_bytes);
  optional_number(out, "blocks_bytes", file.blocks_bytes);
  if (file.inode != 0) fmt::format_to(Out(out), "\"inode\":{},", file.inode);
  optional_text(out, "words", file.words);
  if (!file.epoll_targets.empty())
    fmt::format_to(Out(out), "\"epoll_targets\":[{}],", fmt::join(file.epoll_targets, ","));
  peers_json(out, file.peers);
  if (file.socket && *file.socket < files.sockets.size()) socket_json(out, files.sockets[*file.socket]);
  close(out);
}

std::string fds_json(const OpenFiles& files) {
  std::string out =
      fmt::format("{{\"schema\":1,\n\"count\": {},\n\"truncated\":{},\n\"by_kind\":{{", files.count, files.truncated);
  bool first = true;
  for (auto& [kind, count] : files.by_kind) {
    if (!first) out += ',';
    first = false;
    append_json_string(out, kind);
    fmt::format_to(Out(out), ":{}", count);
  }
  out += "},\n\"files\":[";
  for (size_t i = 0; i < files.files.size(); ++i) {
    out += i > 0 ? ",\n" : "\n";
    file_json(out, files.files[i], files);
  }
  return out + "\n]}\n";
}

std::string peer_words(const std::vector<PeerProcess>& peers) {
  // One process may hold it with several descriptors: standard output and standard error.
  std::vector<const PeerProcess*> processes;
  for (auto& peer : peers)
    if (std::none_of(processes.begin(), processes.end(), [&](auto* other) { return other->pid == peer.pid; }))
      processes.push_back(&peer);
  std::string words;
  for (size_t i = 0; i < std::min<size_t>(processes.size(), 3); ++i)
    words += fmt::format("{}{}/{}", i > 0 ? ", " : " ⇄ ", processes[i]->pid, plain_line(processes[i]->comm, 32));
  if (processes.size() > 3) words += " …";
  return words;
}

std::string socket_words(const Socket& socket) {
  std::string words = fmt::format("{} {}", socket.family, plain_line(socket.state, 24));
  if (!socket.local.empty()) words += " " + plain_line(socket.local, 120);
  if (!socket.remote.empty()) words += " → " + plain_line(socket.remote, 120);
  if (socket.state == "LISTEN" && socket.backlog)
    words += fmt::format(" waiting {} of {}", socket.receive_queue, *socket.backlog);
  else if (socket.receive_queue + socket.send_queue > 0)
    words += fmt::format(" recv-q {} send-q {}", socket.receive_queue, socket.send_queue);
  if (socket.rtt_ms) words += fmt::format(" rtt {:.1f} ms", *socket.rtt_ms);
  if (socket.retransmits_now.value_or(0) > 0) words += fmt::format(" sent again {} times now", *socket.retransmits_now);
  return words + peer_words(socket.peers);
}

std::string open_files_txt(const OpenFiles& files) {
  std::string out = fmt::format("{}{}\n\nclasses\n", counted(files.count, "open file"),
                                files.truncated ? fmt::format(", the first {} listed", files.files.size()) : "");
  for (auto& entry : file_classes(files)) fmt::format_to(Out(out), "{:>7}  {}\n", entry.count, entry.words);
  fmt::format_to(Out(out), "\n{:>6}  {:<4} {:<9} {:>12} {:>12}  {}\n", "fd", "mode", "kind", "position", "size",
                 "what");
  for (auto& file : files.files) {
    fmt::format_to(Out(out), "{:>6}  {:<4} {:<9} {:>12} {:>12}  ", file.fd, file.access, file.kind,
                   file.position ? std::to_string(*file.position) : "",
                   file.size_bytes ? std::to_string(*file.size_bytes) : "");
    if (file.socket && *file.socket < files.sockets.size())
      out += socket_words(files.sockets[*file.socket]);
    else {
      out += plain_line(file.target, 400);
      if (file.deleted) out += " (deleted)";
      if (!file.words.empty()) out += "  " + plain_line(file.words, 200);
      out += peer_words(file.peers);
    }
    out += '\n';
  }
  return out;
}

}  // namespace

void files(const Snapshot& snapshot, Artifacts& out) {
  if (!snapshot.files) return;
  std::string source = raw_process(snapshot, "fd.bundle") + ", raw/sock_diag";
  out.push_back({"process/fds.json", source, fds_json(*snapshot.files)});
  out.push_back({"process/open_files.txt", source, open_files_txt(*snapshot.files)});
}

}  // namespace ec::derived
