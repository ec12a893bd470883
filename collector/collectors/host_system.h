// What kind of machine this is: kernel, distribution, boot, virtualisation, taint, modules, names of users.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "collector/collectors/collector.h"

namespace ec {

void gather_host_system(GatherContext& context);
void parse_host_system(const RawStore& store, Snapshot& snapshot);

// Names of users by number, from raw/host/users.
std::map<uint32_t, std::string> host_users(const RawStore& store);

}  // namespace ec
