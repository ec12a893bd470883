#include "collector/collectors/filesystems.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <map>
#include <set>
#include <unordered_map>

#include "collector/base/text.h"
#include "collector/base/unique_fd.h"
#include "collector/collectors/host_readings.h"
#include "collector/collectors/process_files.h"

namespace ec {

namespace {

constexpr std::string_view kBundle = "raw/filesystems.bundle";
constexpr size_t kMostFilesystems = 2'000;
constexpr int kHangsOfOneType = 3;  // then mounts of that type are no longer tried
constexpr std::string_view kHungReason = "statfs(2) did not return in time";

bool one_of(std::string_view type, std::initializer_list<std::string_view> types) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

// No space to run out of: interfaces of the kernel, triggers that would mount something, images that are always full.
bool without_space(std::string_view type) {
  return one_of(type, {"proc",        "sysfs",     "cgroup",     "cgroup2",     "devpts",     "mqueue",
                       "debugfs",     "tracefs",   "securityfs", "pstore",      "bpf",        "configfs",
                       "fusectl",     "hugetlbfs", "autofs",     "binfmt_misc", "efivarfs",   "nsfs",
                       "rpc_pipefs",  "selinuxfs", "smackfs",    "sockfs",      "pipefs",     "anon_inodefs",
                       "rootfs",      "nfsd",      "resctrl",    "cpuset",      "fuse.lxcfs", "fuse.gvfsd-fuse",
                       "fuse.portal", "squashfs",  "iso9660",    "erofs",       "cramfs",     "romfs"});
}

// A mount of the filesystem's own root shows all of it; among those the shortest path is what people know it by.
bool better(const MountEntry& a, const MountEntry& b) {
  bool a_whole = a.root == "/", b_whole = b.root == "/";
  if (a_whole != b_whole) return a_whole;
  return a.mount_point.size() < b.mount_point.size();
}

uint64_t device_of(const MountEntry& mount) { return uint64_t{mount.device_major} << 32 | mount.device_minor; }

// Position of each mount point's uppermost mount: a later line hides an earlier one at the same place.
std::unordered_map<std::string_view, size_t> uppermost(const std::vector<MountEntry>& mounts) {
  std::unordered_map<std::string_view, size_t> top;
  for (size_t i = 0; i < mounts.size(); ++i) top.insert_or_assign(mounts[i].mount_point, i);
  return top;
}

std::string touch_name(const MountEntry& mount) {
  // Unique even where the place that keeps the name of a hang cuts it.
  return fmt::format("statfs {} of type {}, mount {}", printable_line(mount.mount_point, 200), mount.type, mount.id);
}

std::string section_name(const MountEntry& mount) { return fmt::format("statfs/{}", mount.id); }

class FilesystemReader {
 public:
  FilesystemReader(GatherContext& context, std::string root, bool ours)
      : context_(context), root_(std::move(root)), ours_(ours) {}

  void ask(const MountEntry& mount) {
    auto text = statfs_text(mount);
    if (text)
      context_.out.section(kBundle, section_name(mount), *text);
    else
      context_.out.failed_section(kBundle, section_name(mount), text.error());
  }

 private:
  Result<std::string> statfs_text(const MountEntry& mount) {
    std::string path = root_ + mount.mount_point;
    // O_PATH does not open the file, nor does it mount what an automounter waits to mount.
    UniqueFd fd(open(path.c_str(), O_PATH | O_CLOEXEC));
    if (!fd && errno == EACCES && !ours_ && is_ours_too(mount)) {
      path = mount.mount_point;
      fd.reset(open(path.c_str(), O_PATH | O_CLOEXEC));
    }
    if (!fd) return fail_errno(path, errno);
    if (auto id = mount_id(fd.get()); id && *id != mount.id)
      return fail(ErrorCode::kUnsupported, path, "hidden by another mount above it");
    struct statfs s {};
    if (fstatfs(fd.get(), &s) != 0) return fail_errno(path, errno);
    return fmt::format(
        "type {:#x}\nblock_size {}\nblocks {}\nblocks_free {}\nblocks_available {}\nfiles {}\nfiles_free {}\nflags "
        "{:#x}\n",
        static_cast<uint64_t>(s.f_type), s.f_frsize > 0 ? s.f_frsize : s.f_bsize, s.f_blocks, s.f_bfree, s.f_bavail,
        s.f_files, s.f_ffree, static_cast<uint64_t>(s.f_flags));
  }

  // Without the right to walk /proc/PID/root: mount ids are unique on the host, so one that is in our table too is
  // the same mount.
  bool is_ours_too(const MountEntry& mount) {
    if (!our_ids_) {
      our_ids_.emplace();
      auto text = read_file("/proc/self/mountinfo");
      auto mounts = text ? parse_mountinfo("/proc/self/mountinfo", *text) : Result<std::vector<MountEntry>>();
      if (mounts)
        for (const MountEntry& ours : *mounts) our_ids_->emplace(ours.id, ours.mount_point);
    }
    auto found = our_ids_->find(mount.id);
    return found != our_ids_->end() && found->second == mount.mount_point;
  }

  // Linux 5.8 and later.
  static std::optional<int> mount_id(int fd) {
    struct statx x {};
    constexpr unsigned kMountId = 0x1000;  // STATX_MNT_ID
    if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, kMountId, &x) != 0 || (x.stx_mask & kMountId) == 0)
      return std::nullopt;
    return static_cast<int>(x.stx_mnt_id);
  }

  GatherContext& context_;
  std::string root_;
  bool ours_;
  std::optional<std::map<int, std::string>> our_ids_;
};

struct StatfsNumbers {
  uint64_t block_size = 0, blocks = 0, blocks_free = 0, blocks_available = 0, files = 0, files_free = 0;
};

Result<StatfsNumbers> parse_statfs(std::string_view where, std::string_view text) {
  StatfsNumbers numbers;
  LineCursor lines(where, text);
  int known = 0;
  while (auto line = lines.next()) {
    FieldCursor fields(*line);
    auto name = fields.word();
    uint64_t* target = name == "block_size"         ? &numbers.block_size
                       : name == "blocks"           ? &numbers.blocks
                       : name == "blocks_free"      ? &numbers.blocks_free
                       : name == "blocks_available" ? &numbers.blocks_available
                       : name == "files"            ? &numbers.files
                       : name == "files_free"       ? &numbers.files_free
                                                    : nullptr;
    if (!target) continue;
    auto value = fields.number<uint64_t>();
    if (!value) return tl::unexpected(lines.expected("a number"));
    *target = *value;
    ++known;
  }
  if (known < 6) return fail(ErrorCode::kTruncated, std::string(where), "expected six numbers of statfs");
  return numbers;
}

// FUSE servers without an idea of their size answer with the largest number of blocks.
uint64_t bytes_of(uint64_t blocks, uint64_t block_size) {
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
  return block_size > 0 && blocks > kMost / block_size ? kMost : blocks * block_size;
}

// What the runner noted about reads that hung: a helper that was not started again could not say it in the bundle.
std::set<std::string, std::less<>> hung_reads(const RawStore& store) {
  std::set<std::string, std::less<>> names;
  for (const std::string& path : store.list("raw/filesystems")) {
    const ArtifactRow* row = store.row(path);
    if (row->status == Status::kTimeout) names.insert(row->source);
  }
  return names;
}

void set_space(Filesystem& fs, const Result<StatfsNumbers>& numbers) {
  if (!numbers) {
    for (auto* part : {&fs.size_bytes, &fs.free_bytes, &fs.available_bytes, &fs.inodes, &fs.inodes_free})
      *part = numbers.error();
    return;
  }
  fs.size_bytes = bytes_of(numbers->blocks, numbers->block_size);
  fs.free_bytes = bytes_of(numbers->blocks_free, numbers->block_size);
  fs.available_bytes = bytes_of(numbers->blocks_available, numbers->block_size);
  if (numbers->files > 0) {
    fs.inodes = numbers->files;
    fs.inodes_free = numbers->files_free;
  } else {
    fs.inodes = fs.inodes_free =
        Error{ErrorCode::kUnsupported, fs.mount_point, "this filesystem does not count inodes", 0};
  }
}

bool has_option(std::string_view options, std::string_view option) {
  for (std::string_view word : split(options, ','))
    if (word == option) return true;
  return false;
}

// Devices of the mounts on which the target has its working directory, root, executable, libraries or open files.
std::set<uint64_t> devices_in_use(const std::vector<MountEntry>& mounts, const Snapshot& snapshot) {
  auto top = uppermost(mounts);
  std::set<uint64_t> devices;
  auto use = [&](std::string_view path) {
    if (!path.starts_with('/')) return;
    while (true) {
      auto mount = top.find(path);
      if (mount != top.end()) {
        devices.insert(device_of(mounts[mount->second]));
        return;
      }
      if (path.size() <= 1) return;
      path = path.substr(0, std::max<size_t>(path.rfind('/'), 1));
    }
  };
  if (snapshot.process.cwd) use(*snapshot.process.cwd);
  if (snapshot.process.root) use(*snapshot.process.root);
  use(snapshot.target.exe);
  if (snapshot.files)
    for (const OpenFile& file : snapshot.files->files) use(file.target);
  if (snapshot.process.mappings)
    for (const Mapping& mapping : *snapshot.process.mappings) use(mapping.name);
  return devices;
}

}  // namespace

bool asks_a_server(std::string_view type) {
  return type.starts_with("nfs") || type.starts_with("fuse") || type.starts_with("smb") ||
         one_of(type, {"cifs", "ceph", "glusterfs", "lustre", "beegfs", "9p", "virtiofs", "afs", "ncpfs", "gfs2",
                       "ocfs2", "orangefs", "gpfs", "coda", "davfs"});
}

std::vector<MountEntry> filesystems_of(const std::vector<MountEntry>& mounts) {
  auto top = uppermost(mounts);
  std::unordered_map<uint64_t, size_t> chosen;
  for (size_t i = 0; i < mounts.size(); ++i) {
    if (without_space(mounts[i].type) || top.at(mounts[i].mount_point) != i) continue;
    auto [place, fresh] = chosen.try_emplace(device_of(mounts[i]), i);
    if (!fresh && better(mounts[i], mounts[place->second])) place->second = i;
  }
  std::vector<size_t> order;
  order.reserve(chosen.size());
  for (auto [device, position] : chosen) order.push_back(position);
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    bool a_server = asks_a_server(mounts[a].type), b_server = asks_a_server(mounts[b].type);
    return a_server != b_server ? b_server : a < b;
  });
  if (order.size() > kMostFilesystems) order.resize(kMostFilesystems);
  std::vector<MountEntry> result;
  result.reserve(order.size());
  for (size_t position : order) result.push_back(mounts[position]);
  return result;
}

void gather_filesystems(GatherContext& context) {
  const TargetIdentity* target = context.target;
  std::string process = target ? fmt::format("/proc/{}/task/{}", target->pid, target->live_tid) : "/proc/self";
  std::string table = process + "/mountinfo";
  context.out.touch(table, true);
  auto text =
      context.out.hung_before(table) ? fail(ErrorCode::kTimeout, table, "reading it did not end") : read_file(table);
  if (!text) {
    Error why = unless_absent(target, text.error());
    context.out.failed(kBundle, table, why, fix_for(why, table));
    return;
  }
  if (context.hung.empty()) context.out.section(kBundle, "mountinfo", *text);
  auto mounts = parse_mountinfo(table, *text);
  if (!mounts) return;  // parse says so

  std::vector<MountEntry> filesystems = filesystems_of(*mounts);
  auto named = [](const std::string& name) { return [&name](const MountEntry& m) { return touch_name(m) == name; }; };
  size_t next = 0;
  std::map<std::string_view, int> hangs;
  for (const std::string& name : context.hung) {
    auto found = std::find_if(filesystems.begin(), filesystems.end(), named(name));
    if (found == filesystems.end()) continue;
    ++hangs[found->type];
    next = static_cast<size_t>(found - filesystems.begin()) + 1;
    if (&name == &context.hung.back())
      context.out.failed_section(kBundle, section_name(*found),
                                 Error{ErrorCode::kTimeout, found->mount_point, std::string(kHungReason), 0});
  }
  FilesystemReader reader(context, target ? process + "/root" : "", target == nullptr);
  for (; next < filesystems.size(); ++next) {
    const MountEntry& mount = filesystems[next];
    if (hangs[mount.type] >= kHangsOfOneType) {
      context.out.failed_section(
          kBundle, section_name(mount),
          Error{ErrorCode::kSkipped, mount.mount_point,
                fmt::format("not tried: {} mounts of type {} hang", hangs[mount.type], mount.type), 0});
      continue;
    }
    context.out.touch(touch_name(mount), true);
    reader.ask(mount);
  }
  context.out.touch("/proc");
}

void parse_filesystems(const RawStore& store, Snapshot& snapshot) {
  auto& part = snapshot.host.filesystems;
  auto bundle = store.read(kBundle);
  if (!bundle) {
    part = bundle.error();
    return;
  }
  std::map<std::string_view, const Section*> sections;
  std::vector<Section> all = parse_bundle(*bundle);
  for (const Section& section : all) sections.insert_or_assign(section.name, &section);
  auto table = sections.find("mountinfo");
  if (table == sections.end()) {
    part = Error{ErrorCode::kTruncated, std::string(kBundle), "expected a section mountinfo", 0};
    return;
  }
  auto mounts = parse_mountinfo(fmt::format("{} mountinfo", kBundle), table->second->bytes);
  if (!mounts) {
    part = mounts.error();
    return;
  }
  std::set<uint64_t> used = devices_in_use(*mounts, snapshot);
  std::set<std::string, std::less<>> hung = hung_reads(store);
  std::vector<Filesystem> filesystems;
  for (const MountEntry& mount : filesystems_of(*mounts)) {
    Filesystem fs;
    fs.mount_point = printable_line(mount.mount_point, 1000);
    fs.source = printable_line(mount.source, 1000);
    fs.type = printable_line(mount.type, 64);
    fs.options = printable_line(fmt::format("{},{}", mount.options, mount.super_options), 1000);
    fs.network = asks_a_server(mount.type);
    fs.read_only = has_option(mount.options, "ro") || has_option(mount.super_options, "ro");
    fs.used_by_target = used.contains(device_of(mount));
    auto found = sections.find(section_name(mount));
    Result<StatfsNumbers> numbers =
        fail(ErrorCode::kTimeout, fs.mount_point, "not reached: the collector ended before");
    if (found != sections.end() && !found->second->failed) {
      numbers = parse_statfs(found->second->name, found->second->bytes);
    } else if (found != sections.end()) {
      numbers = tl::unexpected(found->second->error);
      fs.hung = found->second->error.code == ErrorCode::kTimeout;
    } else if (hung.contains(touch_name(mount))) {
      numbers = fail(ErrorCode::kTimeout, fs.mount_point, std::string(kHungReason));
      fs.hung = true;
    }
    // statfs of a FUSE filesystem that another user mounted gives zeros, as do kernel interfaces that the list does not
    // know.
    if (numbers && numbers->blocks == 0) {
      if (!fs.network && !fs.used_by_target) continue;
      numbers = fail(ErrorCode::kUnsupported, fs.mount_point, "it reports no size");
    }
    set_space(fs, numbers);
    filesystems.push_back(std::move(fs));
  }
  part = std::move(filesystems);
}

}  // namespace ec
