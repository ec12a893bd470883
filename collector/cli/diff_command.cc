#include "collector/cli/commands.h"
#include "collector/cli/exit_code.h"
#include "collector/cli/load_archive.h"
#include "collector/cli/print.h"
#include "collector/report/difference.h"

namespace ec {

int run_command(const DiffRequest& request) {
  auto before = load_archive(request.before);
  auto after = before ? load_archive(request.after) : before;
  if (!after) {
    complain(after.error());
    return kNothingCollected;
  }
  print(difference_text(before->snapshot, analyse(before->snapshot), after->snapshot, analyse(after->snapshot)));
  return kComplete;
}

}  // namespace ec
