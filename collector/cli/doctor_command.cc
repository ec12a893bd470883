#include <unistd.h>

#include <algorithm>

#include "collector/base/text.h"
#include "collector/base/write_file.h"
#include "collector/cli/commands.h"
#include "collector/cli/doctor_checks.h"
#include "collector/cli/exit_code.h"
#include "collector/cli/find_target.h"
#include "collector/cli/own_process.h"
#include "collector/cli/print.h"
#include "collector/cli/terminal.h"
#include "collector/collectors/process_files.h"

namespace ec {

namespace {

using Outcome = Check::Outcome;

std::string mark(Outcome outcome, bool colour) {
  switch (outcome) {
    case Outcome::kGood:
      return colour ? "\x1b[32mok\x1b[0m" : "ok";
    case Outcome::kLess:
      return colour ? "\x1b[33m--\x1b[0m" : "--";
    case Outcome::kMissing:
      return colour ? "\x1b[31mno\x1b[0m" : "no";
  }
  return {};
}

std::string shown(const std::vector<Check>& checks, bool colour) {
  std::string text;
  for (const Check& check : checks) {
    text += fmt::format("  {}  {}\n", mark(check.outcome, colour), check.what);
    if (!check.why.empty()) text += fmt::format("      why: {}\n", check.why);
    if (check.outcome != Outcome::kGood && !check.fix.empty()) text += fmt::format("      fix: {}\n", check.fix);
  }
  return text;
}

std::string plan(bool with_target) {
  std::string text;
  for (const Collector& collector : collector_table()) {
    if (collector.needs_target && !with_target) continue;
    text += fmt::format("  T{}  {:<16} {}{}{}\n", static_cast<int>(collector.tier), collector.name, collector.summary,
                        collector.privileges.empty() ? "" : fmt::format(" [wants {}]", collector.privileges),
                        collector.slow ? " (slow: after the first page)" : "");
  }
  return text;
}

}  // namespace

int run_command(const DoctorRequest& request) {
  bool colour = terminal_of(STDOUT_FILENO).colour;
  OwnPrivileges own = own_privileges();
  std::string text;
  std::vector<Check> all;
  auto section = [&](const std::string& title, const std::vector<Check>& checks) {
    text += title + "\n" + shown(checks, colour) + "\n";
    all.insert(all.end(), checks.begin(), checks.end());
  };
  if (!request.target.empty()) {
    auto target = pin_target(request.target);
    if (!target) return target.error();
    if (target->kernel_thread)
      text += fmt::format("{} is a kernel thread: it has no memory, no files and no user stack.\n\n", target->pid);
    else if (!no_memory_reason(*target).empty())
      text += fmt::format("{} is a zombie: it has no memory, files, namespaces or stacks any more.\n\n", target->pid);
    section(fmt::format("Target {} ({})", target->pid, printable_line(target->comm)), target_checks(*target, own));
  }
  section("Host", host_checks(request.output, own));
  auto missing = missing_privileges(own);
  if (!missing.empty()) {
    text += "Capabilities this user lacks\n";
    for (const std::string& privilege : missing) text += fmt::format("  {}\n", privilege);
    text += '\n';
  }
  text += "Plan, in running order\n" + plan(!request.target.empty());
  auto any = [&all](Outcome outcome) {
    return std::any_of(all.begin(), all.end(), [outcome](const Check& check) { return check.outcome == outcome; });
  };
  text += any(Outcome::kMissing) ? "\nThe rest is collected all the same; the summary lists what was not examined.\n"
          : any(Outcome::kLess)  ? "\nNo artifact will be missing; what stands behind -- will not be in them.\n"
                                 : "\nEverything can be collected.\n";
  print(text);
  return any(Outcome::kMissing) ? kPartialArchive : kComplete;
}

}  // namespace ec
