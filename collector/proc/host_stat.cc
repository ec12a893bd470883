#include "collector/proc/host_stat.h"

#include "collector/base/text.h"

namespace ec {

namespace {

bool read_cpu(std::string_view name, FieldCursor& fields, CpuTicks& cpu) {
  name.remove_prefix(3);
  if (!name.empty()) {
    auto number = parse_number<int>(name);
    if (!number || *number < 0) return false;
    cpu.cpu = *number;
  }
  uint64_t* required[] = {&cpu.user, &cpu.nice, &cpu.system, &cpu.idle};
  for (uint64_t* field : required) {
    auto value = fields.number<uint64_t>();
    if (!value) return false;
    *field = *value;
  }
  uint64_t* later[] = {&cpu.iowait, &cpu.irq, &cpu.softirq, &cpu.steal, &cpu.guest, &cpu.guest_nice};
  for (uint64_t* field : later) {
    auto word = fields.word();
    if (!word) break;
    auto value = parse_number<uint64_t>(*word);
    if (!value) return false;
    *field = *value;
  }
  return true;
}

}  // namespace

Result<HostStat> parse_host_stat(std::string_view where, std::string_view text) {
  HostStat stat;
  LineCursor lines(where, text);
  while (auto line = lines.next()) {
    FieldCursor fields(*line);
    auto name = fields.word();
    if (!name) continue;
    if (name->starts_with("cpu")) {
      CpuTicks cpu;
      if (!read_cpu(*name, fields, cpu)) return tl::unexpected(lines.expected("cpuN and at least four numbers"));
      stat.cpus.push_back(cpu);
      continue;
    }
    uint64_t* target = *name == "intr"            ? &stat.interrupts
                       : *name == "ctxt"          ? &stat.context_switches
                       : *name == "processes"     ? &stat.forks
                       : *name == "btime"         ? &stat.boot_time
                       : *name == "procs_running" ? &stat.running
                       : *name == "procs_blocked" ? &stat.blocked
                                                  : nullptr;
    if (!target) continue;  // softirq, and what later kernels add
    auto value = fields.number<uint64_t>();
    if (!value) return tl::unexpected(lines.expected("a number"));
    *target = *value;
  }
  if (stat.cpus.empty() || stat.cpus.front().cpu != -1)
    return fail(ErrorCode::kTruncated, std::string(where), "expected a first line cpu");
  return stat;
}

}  // namespace ec
