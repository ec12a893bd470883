#include "collector/collectors/process_files.h"

#include <unistd.h>

#include <cerrno>

namespace ec {

std::string process_path(int pid, std::string_view name) { return fmt::format("proc/{}/{}", pid, name); }

std::string live_directory(const TargetIdentity& target) {
  if (target.live_tid <= 0 || target.live_tid == target.pid) return fmt::format("/proc/{}", target.pid);
  return fmt::format("/proc/{}/task/{}", target.pid, target.live_tid);
}

std::string no_memory_reason(const TargetIdentity& target) {
  if (target.kernel_thread) return "a kernel thread has no memory of its own";
  bool dead = target.state == 'Z' || target.state == 'X';
  if (dead && (target.live_tid == 0 || target.live_tid == target.pid))
    return "a zombie has no memory, files or namespaces any more";
  return {};
}

namespace {

bool is_there(int pid) { return access(fmt::format("/proc/{}/stat", pid).c_str(), F_OK) == 0; }

// The file is missing although the process is there: this kernel was built without it, or a security module that is not
// in use would answer.
bool is_not_offered(const Error& error, int pid) {
  return (error.sys_errno == ENOENT || error.sys_errno == EINVAL) && is_there(pid);
}

}  // namespace

Error unless_absent(const TargetIdentity* target, Error why) {
  if (!target) return why;
  // The kernel's words for it (fs/proc): ESRCH without memory; ENOENT or EINVAL without namespaces, which a kernel
  // thread has.
  bool absent =
      why.sys_errno == ESRCH || (!target->kernel_thread && (why.sys_errno == ENOENT || why.sys_errno == EINVAL));
  std::string reason = absent ? no_memory_reason(*target) : "";
  if (reason.empty() || !is_there(target->pid)) return why;
  return Error{ErrorCode::kSkipped, std::move(why.where), std::move(reason), 0};
}

void store_process_file(GatherContext& context, const ProcessFile& file, bool live, bool risky) {
  const TargetIdentity& target = *context.target;
  std::string shown = fmt::format("/proc/{}/{}", target.pid, file.name);
  if (context.out.hung_before(shown)) return;
  context.out.touch(shown, risky);
  std::string path = raw_path(context.reading, process_path(target.pid, file.name));
  auto bytes = read_file(live ? fmt::format("{}/{}", live_directory(target), file.name) : shown);
  if (bytes) return context.out.artifact(path, shown, *bytes, file.redact);
  Error why = bytes.error();
  // No security module that labels processes: nothing was missed.
  if (file.name == "attr/current" && why.sys_errno == EINVAL) return;
  why = unless_absent(&target, std::move(why));
  if (file.optional && is_not_offered(why, target.pid))
    why = Error{ErrorCode::kSkipped, shown, "this kernel does not offer it", 0};
  context.out.failed(path, shown, why, fix_for(why, shown));
}

}  // namespace ec
