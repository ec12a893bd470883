// Who is logged in: utmp(5), and the sessions of systemd-logind where a distribution has no utmp any more.
#pragma once

#include "collector/collectors/collector.h"

namespace ec {

void gather_host_logins(GatherContext& context);
void parse_host_logins(const RawStore& store, Snapshot& snapshot);

}  // namespace ec
