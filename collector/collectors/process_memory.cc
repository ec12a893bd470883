#include <unistd.h>

#include "collector/base/text.h"
#include "collector/collectors/process.h"
#include "collector/collectors/process_files.h"
#include "collector/proc/cmdline.h"
#include "collector/proc/maps.h"
#include "collector/proc/smaps_rollup.h"
#include "collector/proc/statm.h"

namespace ec {

namespace {

// Resident size now; 0 when it cannot be read.
uint64_t resident_bytes(const TargetIdentity& target) {
  auto text = read_file(live_directory(target) + "/statm");
  auto statm = text ? parse_statm("statm", *text) : tl::unexpected(text.error());
  return statm ? statm->resident_pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) : 0;
}

void skip_file(GatherContext& context, std::string_view name, std::string reason, std::string_view fix) {
  int pid = context.target->pid;
  std::string shown = fmt::format("/proc/{}/{}", pid, name);
  context.out.failed(raw_path(context.reading, process_path(pid, name)), shown,
                     Error{ErrorCode::kSkipped, shown, std::move(reason), 0}, fix);
}

// smaps_rollup walks every page table of the process with its mmap lock held: 4.5 s were seen at 200 GB.
void gather_rollup(GatherContext& context) {
  uint64_t limit = context.options.rollup_rss_limit_bytes;
  uint64_t resident = resident_bytes(*context.target);
  if (limit == 0) return skip_file(context, "smaps_rollup", "switched off", "raise the RSS limit of smaps_rollup");
  if (resident > limit)
    return skip_file(context, "smaps_rollup",
                     fmt::format("resident size {} is above the limit of {}: reading it could stall the process",
                                 human_bytes(static_cast<double>(resident)), human_bytes(static_cast<double>(limit))),
                     "raise the RSS limit of smaps_rollup when a stall of the process is acceptable");
  store_process_file(context, {"smaps_rollup", Redact::kNothing, true}, true, true);
}

}  // namespace

void gather_process_memory(GatherContext& context) {
  if (!context.target) return;
  std::string reason = no_memory_reason(*context.target);
  if (!reason.empty()) {
    for (std::string_view name : {"cmdline", "environ", "maps", "smaps_rollup"}) skip_file(context, name, reason, "");
    return;
  }
  // All of them need the same lock. When one read has hung, the others would as well, and each would cost its time
  // limit; only the arguments are tried once more, because maps can also hang on what it names.
  auto hung = [&](std::string_view name) {
    return context.out.hung_before(fmt::format("/proc/{}/{}", context.target->pid, name));
  };
  store_process_file(context, {"maps", Redact::kText}, true, true);
  store_process_file(context, {"cmdline", Redact::kCommandLine}, true, true);
  if (hung("maps") || hung("cmdline") || hung("environ") || hung("numa_maps")) {
    for (std::string_view name : {"environ", "smaps_rollup"})
      if (!hung(name))
        skip_file(context, name, "another file that needs the mmap lock of the process did not answer", "");
    return;
  }
  store_process_file(context, {"environ", Redact::kEnvironment}, true, true);
  if (context.options.numa_maps) store_process_file(context, {"numa_maps", Redact::kText, true}, true, true);
  gather_rollup(context);
}

Part<std::vector<Mapping>> read_mappings(const RawStore& store, const std::string& path) {
  auto text = store.read(path);
  if (!text) return text.error();
  std::vector<Mapping> mappings;
  LineCursor lines(path, *text);
  while (auto line = lines.next()) {
    MapsEntry entry;
    if (!parse_maps_line(*line, entry)) return lines.expected("begin-end rwxp offset major:minor inode [name]");
    Mapping& mapping = mappings.emplace_back();
    mapping.begin = entry.begin;
    mapping.end = entry.end;
    mapping.offset = entry.offset;
    mapping.inode = entry.inode;
    mapping.device_major = entry.device_major;
    mapping.device_minor = entry.device_minor;
    mapping.readable = entry.readable;
    mapping.writable = entry.writable;
    mapping.executable = entry.executable;
    mapping.shared = entry.shared;
    mapping.deleted = entry.deleted;
    mapping.name = std::move(entry.name);
  }
  // A process has at least a stack: empty is what the kernel gives when the memory has gone in the meantime.
  if (mappings.empty()) return Error{ErrorCode::kGone, path, "the process has no memory any more", 0};
  return mappings;
}

namespace {

Part<MemoryRollup> read_rollup(const RawStore& store, int pid) {
  std::string path = "raw/" + process_path(pid, "smaps_rollup");
  auto text = store.read(path);
  if (!text) return text.error();
  auto parsed = parse_smaps_rollup(path, *text);
  if (!parsed) return parsed.error();
  MemoryRollup rollup;
  rollup.rss = parsed->rss;
  rollup.pss = parsed->pss;
  rollup.pss_anon = parsed->pss_anon;
  rollup.pss_file = parsed->pss_file;
  rollup.shared_clean = parsed->shared_clean;
  rollup.shared_dirty = parsed->shared_dirty;
  rollup.private_clean = parsed->private_clean;
  rollup.private_dirty = parsed->private_dirty;
  rollup.anonymous = parsed->anonymous;
  rollup.anon_huge_pages = parsed->anon_huge_pages;
  rollup.swap = parsed->swap;
  rollup.swap_pss = parsed->swap_pss;
  rollup.locked = parsed->locked;
  return rollup;
}

}  // namespace

void parse_process_memory(const RawStore& store, Snapshot& snapshot) {
  int pid = snapshot.target.pid;
  if (pid <= 0) return;
  Process& process = snapshot.process;
  auto arguments = store.read("raw/" + process_path(pid, "cmdline"));
  if (arguments)
    process.command_line = parse_cmdline(*arguments);
  else
    process.command_line = arguments.error();
  auto variables = store.read("raw/" + process_path(pid, "environ"));
  if (!variables)
    process.environment = variables.error();
  else if (!variables->empty() && variables->find_first_not_of('\0') == std::string_view::npos)
    process.environment = Error{ErrorCode::kUnsupported, "raw/" + process_path(pid, "environ"),
                                "the program wrote its title over its environment", 0};
  else
    process.environment = parse_environ(*variables);
  process.mappings = read_mappings(store, raw_path(Reading::kFirst, process_path(pid, "maps")));
  process.rollup = read_rollup(store, pid);
}

}  // namespace ec
