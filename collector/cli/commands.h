// One function per subcommand; each prints its result to standard output, problems as one line to standard error, and
// gives the exit code.
#pragma once

#include "collector/cli/options.h"

namespace ec {

int run_command(const CollectRequest& request);
int run_command(const ShowRequest& request);
int run_command(const VerifyRequest& request);
int run_command(const DiffRequest& request);
int run_command(const ChecklistRequest& request);
int run_command(const StacksRequest& request);
int run_command(const DoctorRequest& request);
int run_command(const RunbookRequest& request);
int run_command(const SymbolizeRequest& request);
int run_command(const SymbolizeArchiveRequest& request);
int run_command(const ProfileRequest& request);
int run_command(const StoreRequest& request);
int run_command(const ListRequest& request);
int run_command(const Leave& request);

}  // namespace ec
