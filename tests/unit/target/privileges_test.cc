#include "collector/target/privileges.h"

#include <catch2/catch.hpp>

using namespace ec;

namespace {

constexpr const char* kHost = "user:[4026531837]";
constexpr const char* kContainer = "user:[4026532561]";

std::string status(const char* user, const char* effective) {
  return std::string("Name:\tec\nState:\tR (running)\nPid:\t7\nUid:\t") + user + "\t" + user + "\t" + user + "\t" +
         user + "\nCapEff:\t" + effective + "\n";
}

}  // namespace

TEST_CASE("own privileges: effective capabilities, root, and where they hold") {
  OwnPrivileges all = parse_own_privileges(status("0", "000001ffffffffff"), kHost);
  CHECK(all.root);
  CHECK(all.initial_user_namespace);
  CHECK(all.holds("CAP_SYS_PTRACE"));
  CHECK(all.holds("CAP_SYSLOG"));
  CHECK_FALSE(all.holds("CAP_NO_SUCH"));
  OwnPrivileges docker = parse_own_privileges(status("0", "00000000a80425fb"), kHost);
  CHECK_FALSE(docker.holds("CAP_SYS_PTRACE"));
  CHECK(docker.holds("CAP_NET_RAW"));
  CHECK_FALSE(parse_own_privileges(status("0", "000001ffffffffff"), kContainer).initial_user_namespace);
  OwnPrivileges unknown = parse_own_privileges("", "");
  CHECK_FALSE(unknown.root);
  CHECK_FALSE(unknown.holds("CAP_SYS_PTRACE"));
}

TEST_CASE("the fix for a refusal is what would help this user here") {
  struct Case {
    const char *user, *effective, *user_namespace;
    std::vector<std::string> capabilities;
    bool owner;
    const char* fix;
  };
  const Case cases[] = {
      {"1000", "0", kHost, {"CAP_SYSLOG"}, false, "run as root, or with CAP_SYSLOG"},
      {"1000",
       "0",
       kHost,
       {"CAP_SYS_PTRACE"},
       true,
       "run as root or as the user of the process, or with CAP_SYS_PTRACE"},
      {"1000",
       "0",
       kHost,
       {"CAP_SYS_ADMIN", "CAP_SYS_PTRACE"},
       false,
       "run as root, or with CAP_SYS_ADMIN and CAP_SYS_PTRACE"},
      {"0",
       "a80425fb",
       kHost,
       {"CAP_SYS_PTRACE"},
       true,
       "give this root CAP_SYS_PTRACE (a container: --cap-add SYS_PTRACE)"},
      {"0",
       "a80c25fb",
       kHost,
       {"CAP_SYS_PTRACE", "CAP_SYS_ADMIN"},
       false,
       "give this root CAP_SYS_ADMIN (a container: --cap-add SYS_ADMIN)"},
      {"0",
       "1ffffffffff",
       kHost,
       {"CAP_SYS_PTRACE"},
       true,
       "the capability is there: have the security module that forbids it (AppArmor, SELinux, Yama, Landlock) allow "
       "it"},
      {"0",
       "1ffffffffff",
       kContainer,
       {"CAP_SYSLOG"},
       false,
       "run outside this user namespace: capabilities end at its border"},
      {"65534",
       "0",
       kContainer,
       {"CAP_SYS_PTRACE"},
       true,
       "run as root or as the user of the process, or with CAP_SYS_PTRACE; outside this user namespace if the process "
       "is"},
  };
  for (const Case& c : cases) {
    OwnPrivileges own = parse_own_privileges(status(c.user, c.effective), c.user_namespace);
    CHECK(fix_for_refusal(own, c.capabilities, c.owner) == c.fix);
  }
}
