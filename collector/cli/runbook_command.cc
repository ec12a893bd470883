#include "collector/base/text.h"
#include "collector/cli/commands.h"
#include "collector/cli/exit_code.h"
#include "collector/cli/print.h"
#include "collector/report/runbook.h"

namespace ec {

int run_command(const RunbookRequest& request) {
  auto shelf = RunbookShelf::open(request.runbooks);
  if (!shelf) {
    complain(shelf.error());
    return kUsage;
  }
  if (request.list) {
    std::string text;
    for (const Runbook& runbook : shelf->all())
      text += fmt::format("{:<32} {:<9} {}{}\n", runbook.id, runbook.severity, runbook.title,
                          runbook.origin == "built-in" ? "" : fmt::format("  ({})", runbook.origin));
    print(text);
    return kComplete;
  }
  const Runbook* runbook = shelf->find(request.id);
  if (!runbook) {
    complain(fmt::format("there is no runbook '{}'; runbook list shows them", request.id));
    return kUsage;
  }
  print(runbook->text);
  return kComplete;
}

int run_command(const Leave& request) {
  print(request.out);
  if (!request.err.empty())
    complain(trim(request.err.starts_with("emergency-collect: ") ? request.err.substr(19) : request.err));
  return request.exit_code;
}

}  // namespace ec
