#include "collector/collectors/open_files.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "collector/base/text.h"
#include "collector/collectors/descriptors.h"
#include "collector/collectors/file_join.h"
#include "collector/proc/fdinfo.h"

namespace ec {

namespace {

// Above these, descriptors are counted only, and fdinfo is read only of kinds that it tells something special about.
constexpr uint64_t kMostDescriptors = 200'000;
constexpr uint64_t kMostPlainInfos = 20'000;

// What has been done of the list, and what was left out for lack of time.
struct Progress {
  uint64_t count = 0, listed = 0, without_info = 0;
  bool late = false;
};

// Everything, then what a link alone tells, then numbers only: the list is whole on a machine that is slow too.
enum class Care { kWhole, kLinks, kCountOnly, kStop };

class Pace {
 public:
  explicit Pace(Deadline end) : whole_(part(end, 50)), links_(part(end, 80)), counting_(part(end, 95)) {}
  Care care_for(Progress& done) const {
    if (counting_.passed()) return Care::kStop;
    done.late = done.late || links_.passed();
    if (done.late || done.listed >= kMostDescriptors) return Care::kCountOnly;
    return done.listed >= kMostPlainInfos || whole_.passed() ? Care::kLinks : Care::kWhole;
  }

 private:
  static Deadline part(Deadline end, int percent) {
    return Deadline(std::min(end.at(), Deadline::in(milliseconds(end.remaining_ms() * percent / 100)).at()));
  }
  Deadline whole_, links_, counting_;
};

bool info_matters(std::string_view kind) { return kind != "socket" && kind != "pipe" && kind != "path"; }

std::string stat_text(const struct stat& file) {
  return fmt::format("mode 0{:o}\nsize {}\nblocks {}\ndevice {}:{}\ninode {}\nlinks {}\n", file.st_mode, file.st_size,
                     file.st_blocks, major(file.st_dev), minor(file.st_dev), file.st_ino, file.st_nlink);
}

// One descriptor: link, fdinfo, and for files on local filesystems what stat(2) says. False when fdinfo was left out.
bool gather_descriptor(Descriptors& descriptors, const LocalMounts& mounts, int fd, bool plain_info, FdLinks* shared,
                       Sink& out, const std::string& bundle) {
  char name[24];
  auto section = [&](const char* part) {
    return std::string_view(name, static_cast<size_t>(fmt::format_to(name, "{}/{}", fd, part) - name));
  };
  auto link = descriptors.link(fd);
  if (!link) {
    // Closed between the listing and now: it is not open, so there is nothing to say.
    if (link.error().code != ErrorCode::kGone) out.failed_section(bundle, section("link"), link.error());
    return true;
  }
  out.section(bundle, section("link"), *link);
  if (shared) shared->add(fd, *link);
  std::string_view kind = parse_fd_link(*link).kind;
  if (!plain_info && !info_matters(kind)) return false;
  auto info = descriptors.info(fd);
  if (!info) {
    if (info.error().code != ErrorCode::kGone) out.failed_section(bundle, section("info"), info.error());
    return true;
  }
  out.section(bundle, section("info"), *info);
  if (kind != "path" && kind != "memfd") return true;
  auto parsed = parse_fdinfo("fdinfo", *info);
  if (!parsed) return true;
  // A memfd is on a mount inside the kernel, which no list shows.
  if (kind != "memfd" && !(parsed->mount_id && mounts.local(*parsed->mount_id))) return true;
  if (auto file = descriptors.stat(fd)) out.section(bundle, section("stat"), stat_text(*file));
  return true;
}

struct StatText {
  uint32_t mode = 0;
  uint64_t size = 0, blocks = 0, inode = 0;
};

std::optional<StatText> parse_stat(std::string_view text) {
  StatText stat;
  LineCursor lines("stat", text);
  while (auto line = lines.next()) {
    FieldCursor fields(*line);
    auto name = fields.word(), value = fields.word();
    if (!name || !value) return std::nullopt;
    if (*name == "mode") stat.mode = parse_number<uint32_t>(*value, 8).value_or(0);
    if (*name == "size") stat.size = parse_number<uint64_t>(*value).value_or(0);
    if (*name == "blocks") stat.blocks = parse_number<uint64_t>(*value).value_or(0);
    if (*name == "inode") stat.inode = parse_number<uint64_t>(*value).value_or(0);
  }
  return stat;
}

std::string_view kind_of_mode(uint32_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return "file";
    case S_IFDIR:
      return "directory";
    case S_IFIFO:
      return "fifo";
    case S_IFCHR:
      return "chardev";
    case S_IFBLK:
      return "blockdev";
    case S_IFSOCK:
      return "socket";
    default:
      return "?";
  }
}

void take_link(std::string_view text, OpenFile& file) {
  FdLink link = parse_fd_link(text);
  file.kind = link.kind == "path" ? (link.target.starts_with("/dev/") ? "chardev" : "file") : link.kind;
  file.target = printable_line(link.target, 4096);
  file.deleted = link.deleted;
  file.inode = link.inode;
}

void take_info(std::string_view where, std::string_view text, OpenFile& file) {
  auto info = parse_fdinfo(where, text);
  if (!info) {
    file.words = "fdinfo: " + info.error().message();
    return;
  }
  file.access = access_word(info->flags);
  file.flags = open_flag_words(info->flags);
  bool named = file.target.starts_with('/');
  if (named && std::find(file.flags.begin(), file.flags.end(), "O_DIRECTORY") != file.flags.end())
    file.kind = "directory";
  if (named) file.position = info->position;
  if (info->inode && file.inode == 0) file.inode = *info->inode;
  file.words = describe(*info, file.kind);
  file.epoll_targets = std::move(info->epoll_targets);
}

void take_stat(std::string_view text, OpenFile& file) {
  auto stat = parse_stat(text);
  if (!stat) return;
  if (file.kind != "memfd") file.kind = kind_of_mode(stat->mode);
  if (stat->inode) file.inode = stat->inode;
  if (!S_ISREG(stat->mode)) return;
  file.size_bytes = stat->size;
  file.blocks_bytes = stat->blocks * 512;  // st_blocks is in units of 512 bytes, whatever the filesystem has
}

// The descriptor with this number; they come in ascending order, except after a helper had to start again.
OpenFile& file_of(std::vector<OpenFile>& files, int fd) {
  if (!files.empty() && files.back().fd == fd) return files.back();
  auto at = files.end();
  if (!files.empty() && files.back().fd > fd)
    at = std::lower_bound(files.begin(), files.end(), fd,
                          [](const OpenFile& file, int number) { return file.fd < number; });
  if (at != files.end() && at->fd == fd) return *at;
  at = files.emplace(at);
  at->fd = fd;
  at->kind = "?";
  return *at;
}

struct Counts {
  uint64_t descriptors = 0, listed = 0, without_info = 0;
  bool late = false;
};

std::optional<Counts> parse_counts(std::string_view text) {
  Counts counts;
  LineCursor lines("count", text);
  while (auto line = lines.next()) {
    FieldCursor fields(*line);
    auto name = fields.word();
    auto value = fields.number<uint64_t>();
    if (name == "descriptors" && value) counts.descriptors = *value;
    if (name == "listed" && value) counts.listed = *value;
    if (name == "without_info" && value) counts.without_info = *value;
    if (name == "late" && value) counts.late = *value != 0;
  }
  return counts;
}

}  // namespace

void gather_open_files(GatherContext& context) {
  const TargetIdentity& target = *context.target;
  std::string bundle = fmt::format("raw/proc/{}/fd.bundle", target.pid);
  auto descriptors = Descriptors::open(target);
  if (!descriptors) {
    context.out.failed(bundle, fmt::format("/proc/{}/fd", target.pid), descriptors.error(),
                       fix_for(descriptors.error(), "fd"));
    return;
  }
  if (context.out.hung_before(descriptors->folder())) {
    context.out.failed_section(bundle, "count",
                               Error{ErrorCode::kTimeout, descriptors->folder(), "reading it hung", 0});
    return;
  }
  if (context.fd_links) context.fd_links->clear();
  LocalMounts mounts = LocalMounts::of(target);
  // Known at once, also when the list stays unfinished.
  if (auto open = descriptors->count()) context.out.section(bundle, "open", fmt::format("descriptors {}\n", *open));
  Progress done;
  const Pace pace(context.deadline);
  auto walked = descriptors->each([&](int fd) {
    if (done.count % 256 == 0) context.out.touch(descriptors->folder());
    Care care = pace.care_for(done);
    if (care == Care::kStop) return false;
    ++done.count;
    if (care == Care::kCountOnly) return true;
    if (!gather_descriptor(*descriptors, mounts, fd, care == Care::kWhole, context.fd_links, context.out, bundle))
      ++done.without_info;
    ++done.listed;
    return true;
  });
  if (context.fd_links && walked && done.listed == done.count)
    context.fd_links->publish();
  else if (context.fd_links)
    context.fd_links->give_up();
  context.out.section(bundle, "count",
                      fmt::format("descriptors {}\nlisted {}\nwithout_info {}\nlate {}\n", done.count, done.listed,
                                  done.without_info, done.late ? 1 : 0));
  if (!walked) context.out.failed_section(bundle, "count", walked.error());
}

void parse_open_files(const RawStore& store, Snapshot& snapshot) {
  std::string path = fmt::format("raw/proc/{}/fd.bundle", snapshot.target.pid);
  auto bytes = store.read(path);
  if (!bytes) {
    snapshot.files = bytes.error();
    return;
  }
  OpenFiles files;
  std::optional<Counts> counts;
  uint64_t open = 0;
  for (const Section& section : parse_bundle(*bytes)) {
    if (section.name == "open" && !section.failed)
      if (auto known = parse_counts(section.bytes)) open = known->descriptors;
    if (section.name == "count" && !section.failed) counts = parse_counts(section.bytes);
    size_t slash = section.name.find('/');
    auto fd = parse_number<int>(section.name.substr(0, slash));
    if (!fd || *fd < 0 || slash == std::string_view::npos) continue;
    std::string_view part = section.name.substr(slash + 1);
    OpenFile& file = file_of(files.files, *fd);
    if (section.failed)
      file.words = printable_line(section.error.message());
    else if (part == "link")
      take_link(section.bytes, file);
    else if (part == "info")
      take_info(section.name, section.bytes, file);
    else if (part == "stat")
      take_stat(section.bytes, file);
  }
  // What the kernel told before the list was read may have changed since: it counts only when the list is unfinished.
  files.count = std::max<uint64_t>(counts ? counts->descriptors : 0, files.files.size());
  if (!counts || counts->late) files.count = std::max(files.count, open);
  // The counts are written last: without them the list stops where its reader did.
  files.truncated = !counts || counts->listed < counts->descriptors;
  files.without_flags = counts ? counts->without_info : 0;
  if (files.truncated)
    files.why_truncated = !counts        ? "their reader ended early"
                          : counts->late ? "there was no time for more"
                                         : "more than the limit of one run";
  for (const OpenFile& file : files.files) ++files.by_kind[file.kind];
  snapshot.files = std::move(files);
  join_sockets(store, snapshot);
}

}  // namespace ec
