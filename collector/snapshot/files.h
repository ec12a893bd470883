// Open files and sockets of the target.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "collector/base/part.h"

namespace ec {

struct PeerProcess {
  int pid = 0;
  std::string comm;
  int fd = -1;
};

// From sock_diag (inet_diag, unix_diag) in the network namespace of the target, else from /proc/PID/net/*.
struct Socket {
  uint64_t inode = 0;
  std::string family;                          // tcp tcp6 udp udp6 unix netlink packet raw raw6 sctp mptcp vsock ?
  std::string state;                           // ESTABLISHED LISTEN CLOSE_WAIT …; unix: LISTEN CONNECTED UNCONNECTED
  std::string type;                            // unix: stream dgram seqpacket
  std::string local, remote;                   // "10.0.0.1:443", "[::1]:80"; unix: path, "@abstract"
  uint64_t receive_queue = 0, send_queue = 0;  // bytes; LISTEN: connections waiting / backlog
  std::optional<uint32_t> backlog;             // LISTEN only
  std::optional<double> rtt_ms, rtt_variance_ms;
  std::optional<uint32_t> retransmits_now;    // tcpi_retransmits: unanswered of the current segment
  std::optional<uint32_t> retransmits_total;  // tcpi_total_retrans
  std::optional<uint64_t> bytes_sent, bytes_received;
  std::optional<double> last_receive_ms, last_send_ms;  // ago
  std::optional<uint64_t> drops;                        // udp
  std::string timer;                                    // "", "retransmit 1.2 s", "keepalive 2 h", "zero-window probe"
  uint64_t peer_inode = 0;                              // unix; or the other end of a local TCP connection
  std::vector<PeerProcess> peers;                       // local processes that hold the other end
};

struct OpenFile {
  int fd = -1;
  std::string kind;    // file directory socket pipe fifo chardev blockdev eventfd epoll timerfd signalfd inotify memfd
                       // pidfd io_uring anon ?
  std::string target;  // link text: path without " (deleted)", "pipe:[123]", "anon_inode:[eventpoll]"
  bool deleted = false;
  std::string access;              // r w rw; "path" for O_PATH
  std::vector<std::string> flags;  // "O_NONBLOCK", "O_APPEND", "O_CLOEXEC" …
  std::optional<uint64_t> position;
  std::optional<uint64_t> size_bytes;    // of regular files, when stat was safe
  std::optional<uint64_t> blocks_bytes;  // allocated: what a deleted file still holds on the disk
  uint64_t inode = 0;
  std::string words;  // epoll: "watches 12 descriptors"; eventfd: "count 3"; inotify: "4 watches"; locks …
  std::vector<int> epoll_targets;
  std::vector<PeerProcess> peers;  // pipe: processes at the other end
  std::optional<uint32_t> socket;  // index into OpenFiles::sockets
};

struct OpenFiles {
  uint64_t count = 0;  // of descriptors, even when files is cut by a limit
  bool truncated = false;
  std::string why_truncated;    // "" when it is not known
  uint64_t without_flags = 0;   // listed, but their flags and positions were not read
  std::vector<OpenFile> files;  // by fd
  std::vector<Socket> sockets;  // of the target only
  std::map<std::string, uint64_t> by_kind;
};

// All sockets of the network namespace of the target, counted.
struct SocketSummary {
  std::map<std::string, uint64_t> tcp_by_state;
  uint64_t tcp = 0, udp = 0, unix_sockets = 0;
  std::vector<Socket> listening;             // every listener of the namespace
  std::vector<PeerProcess> listening_owner;  // parallel to listening; pid 0 = unknown
};

// From the end of a log that the target holds open.
struct LogTail {
  std::string path;  // in the target's view
  int fd = -1;
  std::string artifact;  // "logs/3-error.log"
  uint64_t size_bytes = 0, tail_bytes = 0;
  bool deleted = false;
};

struct LogDigestLine {
  std::string pattern;  // the line with numbers, hex and ids replaced: "connect to # failed"
  uint64_t count = 0;
  std::string level;       // fatal|error|warning
  std::string example;     // redacted, one line
  std::string artifact;    // where it is
  int line = 0;            // of the last occurrence, from 1, within the artifact
  bool target_log = true;  // false: kernel log
};

// Stacks of goroutines that a Go program printed into its log: it died there, or caught a panic and went on. Those with
// one reason at one place are one. All text is printable.
struct LogGoPanic {
  std::string reason;  // "panic: …", "fatal error: …", "SIGQUIT: quit"; without the address of a peer
  std::string place;   // "main.priceOf (api/main.go:15)": the program's own function; "" = not told
  bool survived = false;
  bool current = false;  // somebody wrote to one of the logs lately
  uint64_t count = 0;
  uint64_t goroutines = 0;          // that were printed with it, at most
  std::vector<std::string> stack;   // of the one that failed, innermost first, at most 8
  std::vector<std::string> groups;  // the largest: "40 × chan receive, up to 12 min, in main.wait (api/main.go:9)"
  std::string artifact;
  int line = 0;  // of the last one, from 1
};

// A race that a detector reported into a log.
struct LogRace {
  bool go = false;                   // by Go's detector; else ThreadSanitizer
  std::string access, previous;      // "write in main.addOne (main.go:72) by main goroutine"
  std::string location;              // "global 'requests' of size 4"; "" = not told
  std::vector<std::string> origins;  // "goroutine 8 (running): created in main.race (main.go:90)"
  bool current = false;
  uint64_t count = 0;
  std::string artifact;
  int line = 0;  // of the first one, from 1
};

struct Logs {
  std::vector<LogTail> tails;
  std::vector<LogGoPanic> go_panics;  // those that ended the program first, then by count
  std::vector<LogRace> races;         // by count, largest first
  std::vector<LogDigestLine> digest;  // by level, then count, largest first
  uint64_t error_lines = 0, lines = 0;
  std::optional<double> errors_per_minute;  // when lines carry times
  std::optional<double> span_seconds;       // between the first and last time stamp of the tails
  std::vector<std::string> last_errors;     // newest last, redacted, at most 10
  Part<uint64_t> journal_lines;
};

}  // namespace ec
