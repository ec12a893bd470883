#include "collector/cli/find_target.h"

#include <unistd.h>

#include "collector/archive/redaction.h"
#include "collector/base/text.h"
#include "collector/base/write_file.h"
#include "collector/cli/exit_code.h"
#include "collector/proc/pid_cgroup.h"

namespace ec {

namespace {

constexpr size_t kMostListed = 20;

std::string words(const TargetRequest& request) {
  if (!request.name.empty()) return fmt::format("--name {}", request.name);
  if (!request.unit.empty()) return fmt::format("--unit {}", request.unit);
  return fmt::format("--port {}", request.port.value_or(0));
}

Result<std::vector<Candidate>> candidates(const TargetRequest& request) {
  if (!request.name.empty()) return find_by_name(request.name);
  if (!request.unit.empty()) return find_by_unit(request.unit);
  return find_by_port(request.port.value_or(0));
}

std::string listing(const std::vector<Candidate>& found) {
  Redactor redactor(true);
  std::string text;
  for (size_t i = 0; i < found.size() && i < kMostListed; ++i) {
    std::string command = found[i].command_line;
    command = redactor.redact(Redact::kCommandLine, "cmdline", std::move(command)).bytes;
    for (char& c : command)
      if (c == '\0') c = ' ';
    text += fmt::format("\n  --pid {:<8} {}  {}", found[i].pid, printable_line(found[i].comm),
                        printable_line(trim(command), 120));
  }
  if (found.size() > kMostListed) text += fmt::format("\n  … and {} more", found.size() - kMostListed);
  return text;
}

}  // namespace

Result<TargetIdentity> find_target(const TargetRequest& request) {
  if (request.pid) {
    auto target = identify(*request.pid);
    if (!target && target.error().code == ErrorCode::kGone)
      return fail(ErrorCode::kGone, fmt::format("--pid {}", *request.pid), "there is no such process");
    return target;
  }
  auto found = candidates(request);
  if (!found) return tl::unexpected(found.error());
  if (found->empty() && !request.unit.empty()) {
    std::string unit = printable_line(full_unit_name(request.unit), 120);
    return fail(
        ErrorCode::kGone, words(request),
        fmt::format("no process runs in {0}: it is stopped or has another name; see: systemctl status {0}", unit));
  }
  if (found->empty()) return fail(ErrorCode::kGone, words(request), "no process matches");
  if (found->size() > 1)
    return fail(ErrorCode::kUsage, words(request),
                fmt::format("{} processes match; choose one:{}", found->size(), listing(*found)));
  return identify(found->front().pid);
}

tl::expected<TargetIdentity, int> pin_target(const TargetRequest& request) {
  auto found = find_target(request);
  if (found) return std::move(*found);
  // Candidates come on lines of their own.
  write_all(STDERR_FILENO, fmt::format("emergency-collect: {}\n", found.error().message()));
  return tl::unexpected<int>(found.error().code == ErrorCode::kUsage ? kUsage : kNothingCollected);
}

}  // namespace ec
