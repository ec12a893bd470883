#include "collector/target/privileges.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "collector/proc/capabilities.h"
#include "collector/proc/pid_status.h"
#include "collector/proc/proc_root.h"

namespace ec {

namespace {

// PROC_USER_INIT_INO, include/linux/proc_ns.h: the same on every kernel since 3.8.
constexpr std::string_view kInitialUserNamespace = "user:[4026531837]";

std::string name_of(int capability) {
  std::string name = capability_names(uint64_t{1} << capability).front();
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return name;
}

// "A", "A and B", "A, B and C".
std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) text += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
  return text;
}

}  // namespace

bool OwnPrivileges::holds(std::string_view capability) const {
  for (int number = 0; number <= kLastCapability; ++number)
    if (effective >> number & 1 && name_of(number) == capability) return true;
  return false;
}

OwnPrivileges parse_own_privileges(std::string_view status, std::string_view user_namespace) {
  OwnPrivileges own;
  own.initial_user_namespace = user_namespace.empty() || user_namespace == kInitialUserNamespace;
  auto parsed = parse_pid_status("/proc/self/status", status);
  if (!parsed) return own;
  own.effective = parsed->capabilities_effective;
  own.root = parsed->uid[1] == 0;
  return own;
}

OwnPrivileges own_privileges() {
  auto self = ProcRoot::open("/proc/self");
  if (!self) return {};
  return parse_own_privileges(self->read("status").value_or(""), self->link("ns/user").value_or(""));
}

std::string fix_for_refusal(const OwnPrivileges& own, const std::vector<std::string>& capabilities, bool owner) {
  std::vector<std::string> missing;
  for (const std::string& capability : capabilities)
    if (!own.holds(capability)) missing.push_back(capability);
  if (missing.empty())
    return own.initial_user_namespace ? "the capability is there: have the security module that forbids it (AppArmor, "
                                        "SELinux, Yama, Landlock) allow it"
                                      : "run outside this user namespace: capabilities end at its border";
  std::string names = listed(missing);
  if (own.root && own.initial_user_namespace) {
    std::string options;
    for (const std::string& name : missing) options += " --cap-add " + name.substr(name.starts_with("CAP_") ? 4 : 0);
    return fmt::format("give this root {} (a container:{})", names, options);
  }
  return fmt::format("run as root{} with {}{}", owner ? " or as the user of the process, or" : ", or", names,
                     own.initial_user_namespace ? "" : "; outside this user namespace if the process is");
}

}  // namespace ec
