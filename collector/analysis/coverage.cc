#include "collector/analysis/coverage.h"

#include <algorithm>

#include "collector/analysis/words.h"
#include "collector/base/text.h"
#include "collector/collectors/collector.h"

namespace ec {

namespace {

std::vector<std::string_view> listed(const RunInfo& run, const char* option) {
  auto found = run.options.find(option);
  return found == run.options.end() ? std::vector<std::string_view>{} : split(found->second, ',');
}

bool contains(const std::vector<std::string_view>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

LeftOut left_out(const RunInfo& run) {
  auto only = listed(run, "only"), skip = listed(run, "skip");
  bool core = run.options.contains("core");
  LeftOut out;
  for (const Collector& collector : collector_table()) {
    if (!collector.applies(core)) continue;
    ++out.collectors;
    if (contains(skip, collector.name))
      out.by_skip.emplace_back(collector.name);
    else if (!only.empty() && !contains(only, collector.name))
      out.by_only.emplace_back(collector.name);
  }
  return out;
}

std::string options_of(const LeftOut& out) {
  std::vector<std::string> options;
  if (!out.by_only.empty()) options.emplace_back("--only");
  if (!out.by_skip.empty()) options.emplace_back("--skip");
  return enumerate(options);
}

std::optional<NotExamined> absent_by_nature(const Snapshot& snapshot) {
  if (snapshot.core)
    return NotExamined{"the host, open files, sockets, limits, counters and the names of threads but the first",
                       "a core file has the memory and the registers of one moment, and nothing else", ""};
  if (!snapshot.process.status) return std::nullopt;
  auto& status = *snapshot.process.status;
  if (status.kernel_thread) return NotExamined{"memory, files and user stack", "a kernel thread has none", ""};
  // A main thread that has ended leaves a zombie too, but the others live on with all of it.
  if (status.state != 'Z' || status.threads > 1) return std::nullopt;
  return NotExamined{"memory, files, sockets, namespaces and stacks",
                     "a zombie has none: it has ended, and only its exit status is left",
                     status.ppid == 0 ? "" : fmt::format("look at its parent: --pid {}", status.ppid)};
}

bool never_tried(const Error& why) {
  return why.detail == "not collected" && (why.code == ErrorCode::kSkipped || why.code == ErrorCode::kNotFound);
}

}  // namespace ec
