#include "collector/stacks/jit_frames.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "collector/base/text.h"
#include "collector/proc/pid_status.h"
#include "collector/target/task_dir.h"

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

Result<std::string> read_perf_map(pid_t live_tid, int target_root_fd) {
  auto tasks = TaskDir::open(live_tid);
  auto text_of_status = tasks ? tasks->read(live_tid, "status") : tl::unexpected<Error>(tasks.error());
  if (!text_of_status) return tl::unexpected<Error>(text_of_status.error());
  auto status = parse_pid_status("status", *text_of_status);
  if (!status) return tl::unexpected<Error>(status.error());
  if (status->ns_tgid.empty() || target_root_fd < 0)
    return fail(ErrorCode::kUnsupported, "/tmp/perf-*.map", "the target's own number or its root is not known");
  // The number that the target itself knows.
  std::string path = fmt::format("/tmp/perf-{}.map", status->ns_tgid.back());
  // A symbolic link could lead to any file of root's.
  auto fd = open_inside(target_root_fd, path, O_RDONLY | O_NOFOLLOW);
  if (!fd) return tl::unexpected<Error>(fd.error());
  struct stat info;
  if (fstat(fd->get(), &info) != 0) return fail_errno(path, errno);
  if (!S_ISREG(info.st_mode)) return fail(ErrorCode::kUnsupported, path, "not a regular file");
  if (info.st_uid != status->uid[1] && info.st_uid != 0)
    return fail(ErrorCode::kDenied, path, "belongs to another user than the target");
  ByteSource source(path, std::move(*fd));
  // The newest lines are at the end. The first one may be cut.
  uint64_t begin = source.size() > kMostMapBytes ? source.size() - kMostMapBytes : 0;
  std::string text;
  if (!source.read_some(begin, kMostMapBytes, text)) return fail_errno(path, errno, "read failed");
  if (begin > 0) text.erase(0, text.find('\n'));
  return text;
}

}  // namespace

JitFrames name_jit_frames(const StackDump& dump, pid_t live_tid, int target_root_fd) {
  JitFrames result;
  if (!dump.modules) return result;
  std::vector<uint64_t> addresses = addresses_without_file(dump);
  if (addresses.empty()) return result;
  result.names = names_in_jit_objects(dump.modules->jit_objects(), addresses);
  std::erase_if(addresses, [&](uint64_t address) { return result.names.contains(address); });
  if (addresses.empty() || live_tid == 0) return result;
  auto map = read_perf_map(live_tid, target_root_fd);
  if (map)
    result.names.merge(names_in_perf_map(*map, addresses));
  else
    result.no_perf_map = map.error().message();
  return result;
}

}  // namespace ec
