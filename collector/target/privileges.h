// What this process may do to others, and what would let it do more: capabilities(7), user_namespaces(7).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ec {

struct OwnPrivileges {
  uint64_t effective = 0;              // CapEff, one bit a capability
  bool root = false;                   // effective user 0 of its user namespace
  bool initial_user_namespace = true;  // in any other, capabilities end at the border of the namespace

  bool holds(std::string_view capability) const;  // "CAP_SYS_PTRACE"
};

// From /proc/self/status and the link text of /proc/self/ns/user. What does not parse gives no privilege.
OwnPrivileges parse_own_privileges(std::string_view status, std::string_view user_namespace);
OwnPrivileges own_privileges();

// The smallest fix for a refusal where the kernel asks for these capabilities. `owner`: it would let the user of the
// process do it too.
std::string fix_for_refusal(const OwnPrivileges& own, const std::vector<std::string>& capabilities, bool owner = false);

}  // namespace ec
