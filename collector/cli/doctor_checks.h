// What can be collected here, found out by trying, not by guessing from user ids; nothing is stopped, signalled or
// written.
#pragma once

#include <string>
#include <vector>

#include "collector/target/identity.h"
#include "collector/target/privileges.h"

namespace ec {

struct Check {
  // kLess: collected with less, and the archive is called complete all the same. kMissing: it is called partial.
  enum class Outcome { kGood, kLess, kMissing };
  std::string what;
  Outcome outcome = Outcome::kGood;
  std::string why, fix;  // "" when good, or when there is none
};

// Of what this process has: a zombie or a kernel thread is not asked for its memory.
std::vector<Check> target_checks(const TargetIdentity& target, const OwnPrivileges& own);
// `output` as --output takes it.
std::vector<Check> host_checks(const std::string& output, const OwnPrivileges& own);

}  // namespace ec
