// Capability masks in words, capabilities(7).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ec {

// Highest capability that we know a name of: CAP_CHECKPOINT_RESTORE, Linux 5.9.
inline constexpr int kLastCapability = 40;

// "cap_net_bind_service" …, "cap_41" for a bit without a known name; {"all"} when all of 0 … kLastCapability are set.
std::vector<std::string> capability_names(uint64_t mask);

}  // namespace ec
