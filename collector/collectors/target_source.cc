#include "collector/collectors/target_source.h"

#include <elf.h>

#include <algorithm>

#include "collector/stacks/core_files.h"

namespace ec {

namespace {

pid_t live_tid(const TargetIdentity& target) { return target.live_tid > 0 ? target.live_tid : target.pid; }

}  // namespace

std::unique_ptr<RuntimeMemory> memory_of(const GatherContext& context) {
  if (context.options.core) return std::make_unique<CoreRuntimeMemory>(*context.options.core);
  return std::make_unique<LiveRuntimeMemory>(live_tid(*context.target));
}

MayOpen may_open_of(GatherContext& context) {
  return [&context](const std::string& path) {
    std::string what = path.empty() ? "code of programs" : "file " + path;
    if (std::find(context.hung.begin(), context.hung.end(), what) != context.hung.end()) return false;
    context.out.touch(what, !path.empty());
    return true;
  };
}

Result<std::unique_ptr<Modules>> modules_of(GatherContext& context) {
  if (const CoreFile* core = context.options.core.get())
    return std::make_unique<Modules>(
        core->space(), std::make_unique<CoreModuleFiles>(*core, context.options.core_executable, may_open_of(context)));
  auto space = read_address_space(context.target->pid, live_tid(*context.target));
  if (!space) return tl::unexpected(space.error());
  return std::make_unique<Modules>(live_tid(*context.target), std::move(*space), may_open_of(context));
}

std::string executable_of(const GatherContext& context) {
  if (const CoreFile* core = context.options.core.get()) {
    const Region* entry = core->space().find(core->notes().auxv.value(AT_ENTRY).value_or(0));
    return entry ? core->space().name(*entry) : std::string{};
  }
  return read_link(fmt::format("/proc/{}/exe", live_tid(*context.target))).value_or("");
}

std::string source_of(const GatherContext& context) {
  if (const CoreFile* core = context.options.core.get()) return "core file " + core->path();
  return fmt::format("process_vm_readv of {}", context.target->pid);
}

}  // namespace ec
