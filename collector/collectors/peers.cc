#include "collector/collectors/peers.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "collector/base/text.h"
#include "collector/proc/fdinfo.h"
#include "collector/proc/proc_root.h"

namespace ec {

namespace {

constexpr uint64_t kMostLinks = 400'000;
constexpr uint64_t kMostLinksOfOne = 60'000;

struct Scan {
  uint64_t processes = 0, links = 0, denied = 0;
  std::string cut;
};

// The link itself tells how the descriptor is open: its owner may read or write (fs/proc/fd.c, tid_fd_update_inode).
std::string_view access_of(int directory, const char* name) {
  struct stat link {};
  if (fstatat(directory, name, &link, AT_SYMLINK_NOFOLLOW) != 0) return "rw";
  bool reads = link.st_mode & S_IRUSR, writes = link.st_mode & S_IWUSR;
  return reads && writes ? "rw" : writes ? "w" : "r";
}

// The lines of one process; "" when it has nothing of what is wanted.
std::string wanted_links(const ProcRoot& proc, int pid, const std::unordered_set<uint64_t>& inodes, Deadline deadline,
                         Scan& scan) {
  std::string lines;
  auto folder = ProcRoot::open(fmt::format("{}/{}/fd", proc.directory(), pid));
  if (!folder) {
    if (folder.error().code == ErrorCode::kDenied) ++scan.denied;
    return lines;
  }
  std::array<char, 64> text;  // "socket:[18446744073709551615]"; a longer one is a path
  uint64_t here = 0;
  (void)folder->each("", [&](std::string_view name) {
    ++scan.links;
    if (++here > kMostLinksOfOne || scan.links > kMostLinks) {
      scan.cut = fmt::format("not all links of process {}", pid);
      return false;
    }
    if (here % 512 == 0 && deadline.passed()) {
      scan.cut = "out of time";
      return false;
    }
    ssize_t length = readlinkat(folder->fd(), name.data(), text.data(), text.size());
    if (length < 0 && (errno == EACCES || errno == EPERM)) {
      ++scan.denied;  // the directory may be listed, its links are for tracers only
      return false;
    }
    if (length <= 0 || static_cast<size_t>(length) >= text.size()) return true;
    FdLink link = parse_fd_link({text.data(), static_cast<size_t>(length)});
    if (link.inode == 0 || (link.kind != "socket" && link.kind != "pipe") || !inodes.contains(link.inode)) return true;
    lines += fmt::format("{} {} {}\n", name, link.target, access_of(folder->fd(), name.data()));
    return true;
  });
  return lines;
}

}  // namespace

void gather_peers(const std::unordered_set<uint64_t>& inodes, int except, Deadline deadline, Sink& out) {
  auto proc = ProcRoot::open("/proc");
  if (!proc) {
    out.failed(kPeersBundle, "/proc/*/fd", proc.error());
    return;
  }
  Scan scan;
  int self = getpid();
  (void)proc->each_number("", [&](int pid) {
    if (pid == except || pid == self) return true;
    if (deadline.passed()) scan.cut = "out of time";
    if (deadline.passed() || scan.links > kMostLinks) return false;
    std::string folder = fmt::format("/proc/{}/fd", pid);
    if (out.hung_before(folder)) return true;
    out.touch(folder);
    ++scan.processes;
    std::string lines = wanted_links(*proc, pid, inodes, deadline, scan);
    if (lines.empty()) return true;
    out.section(kPeersBundle, fmt::format("{}", pid), lines);
    if (auto comm = proc->read(fmt::format("{}/comm", pid)))
      out.section(kPeersBundle, fmt::format("{}/comm", pid), *comm);
    return true;
  });
  out.section(kPeersBundle, "scan",
              fmt::format("processes {}\nlinks {}\ndenied {}\n{}", scan.processes, scan.links, scan.denied,
                          scan.cut.empty() ? "" : "cut " + scan.cut + "\n"));
}

Owners parse_peers(const RawStore& store) {
  Owners owners;
  std::unordered_map<int, std::string> names;
  auto sections = store.bundle(kPeersBundle);
  for (const Section& section : sections) {
    size_t slash = section.name.find('/');
    if (slash == std::string_view::npos || section.name.substr(slash) != "/comm") continue;
    if (auto pid = parse_number<int>(section.name.substr(0, slash)))
      names[*pid] = printable_line(trim(section.bytes), 64);
  }
  for (const Section& section : sections) {
    auto pid = parse_number<int>(section.name);
    if (!pid || section.failed) continue;
    LineCursor lines(section.name, section.bytes);
    while (auto line = lines.next()) {
      FieldCursor fields(*line);
      auto fd = fields.number<int>();
      auto link = fields.word(), access = fields.word();
      if (!fd || !link || !access) continue;
      uint64_t inode = parse_fd_link(*link).inode;
      if (inode == 0) continue;
      auto name = names.find(*pid);
      owners[inode].push_back(Owner{{*pid, name == names.end() ? "" : name->second, *fd},
                                    access->find('r') != std::string_view::npos,
                                    access->find('w') != std::string_view::npos});
    }
  }
  return owners;
}

}  // namespace ec
