#include "collector/stacks/jit_frames.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "collector/base/text.h"
#include "collector/proc/pid_status.h"
#include "collector/target/task_dir.h"
#include "symbolize/jitdump.h"

namespace ec {

namespace {

constexpr uint64_t kMostMapBytes = 64u << 20;

std::vector<uint64_t> addresses_without_file(const StackDump& dump) {
  std::set<uint64_t> addresses;
  for (const PcStack& stack : dump.stacks)
    for (const PcFrame& frame : stack.frames) {
      uint64_t address = frame.pc - (frame.return_address ? 1 : 0);
      if (dump.modules->made_at_run_time(address)) addresses.insert(address);
    }
  return {addresses.begin(), addresses.end()};
}

// Files that the target writes for profilers.
class ToldFiles {
 public:
  static Result<ToldFiles> of(pid_t live_tid, int target_root_fd) {
    auto tasks = TaskDir::open(live_tid);
    auto text_of_status = tasks ? tasks->read(live_tid, "status") : tl::unexpected<Error>(tasks.error());
    if (!text_of_status) return tl::unexpected<Error>(text_of_status.error());
    auto status = parse_pid_status("status", *text_of_status);
    if (!status) return tl::unexpected<Error>(status.error());
    if (status->ns_tgid.empty() || target_root_fd < 0)
      return fail(ErrorCode::kUnsupported, "/tmp/perf-*.map", "the target's own number or its root is not known");
    return ToldFiles(status->ns_tgid.back(), status->uid[1], target_root_fd);
  }

  Result<std::string> perf_map() const {
    std::string path = fmt::format("/tmp/perf-{}.map", pid_);
    auto source = open(path);
    if (!source) return tl::unexpected<Error>(source.error());
    // The newest lines are at the end. The first one may be cut.
    uint64_t begin = source->size() > kMostMapBytes ? source->size() - kMostMapBytes : 0;
    std::string text;
    if (!source->read_some(begin, kMostMapBytes, text)) return fail_errno(path, errno, "read failed");
    if (begin > 0) text.erase(0, text.find('\n'));
    return text;
  }

  // As perf-inject(1) finds it: a page of it is mapped as code, as a mark. Not found: no such mapping.
  Result<ByteSource> jitdump(const AddressSpace& space) const {
    std::string name = fmt::format("/jit-{}.dump", pid_);
    for (const Region& region : space.regions)
      if (const std::string& path = space.name(region); region.executable && region.inode != 0 && path.ends_with(name))
        return open(path, region.inode);
    return fail(ErrorCode::kNotFound, name, "no such file is mapped");
  }

 private:
  ToldFiles(int pid, uint32_t uid, int root_fd) : pid_(pid), uid_(uid), root_fd_(root_fd) {}

  Result<ByteSource> open(const std::string& path, std::optional<uint64_t> inode = std::nullopt) const {
    // A symbolic link could lead to any file of root's.
    auto fd = open_inside(root_fd_, path, O_RDONLY | O_NOFOLLOW);
    if (!fd) return tl::unexpected<Error>(fd.error());
    struct stat info;
    if (fstat(fd->get(), &info) != 0) return fail_errno(path, errno);
    if (!S_ISREG(info.st_mode)) return fail(ErrorCode::kUnsupported, path, "not a regular file");
    if (info.st_uid != uid_ && info.st_uid != 0)
      return fail(ErrorCode::kDenied, path, "belongs to another user than the target");
    if (inode && info.st_ino != *inode) return fail(ErrorCode::kGone, path, "another file is there now");
    return ByteSource(path, std::move(*fd));
  }

  int pid_;  // that the target itself knows
  uint32_t uid_;
  int root_fd_;
};

}  // namespace

JitFrames name_jit_frames(const StackDump& dump, pid_t live_tid, int target_root_fd, Deadline deadline) {
  JitFrames result;
  if (!dump.modules) return result;
  std::vector<uint64_t> addresses = addresses_without_file(dump);
  if (addresses.empty()) return result;
  result.names = names_in_jit_objects(dump.modules->jit_objects(), addresses);
  std::erase_if(addresses, [&](uint64_t address) { return result.names.contains(address); });
  if (addresses.empty() || live_tid == 0) return result;
  auto files = ToldFiles::of(live_tid, target_root_fd);
  auto map = files ? files->perf_map() : tl::unexpected<Error>(files.error());
  if (map) {
    result.names.merge(names_in_perf_map(*map, addresses));
    return result;
  }
  result.why_unknown = map.error().message();
  auto dump_file = files ? files->jitdump(dump.modules->space()) : tl::unexpected<Error>(files.error());
  auto names = dump_file ? names_in_jitdump(*dump_file, addresses, deadline) : tl::unexpected<Error>(dump_file.error());
  if (names)
    result.names.merge(*names);
  else if (names.error().code != ErrorCode::kNotFound)
    result.why_unknown += ", " + names.error().message();
  return result;
}

}  // namespace ec
