// What failed, gathered by reason and fix: forty files that lack one privilege are one line of "not examined". Private
// to analysis/.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "collector/analysis/finding.h"

namespace ec {

class GapGroups {
 public:
  void add(const ArtifactRow& row);
  // The name by which people know what is at this path.
  void call(std::string_view path, std::string_view name);
  // A part of the snapshot that is missing: its artifact is shown by this name, which people know; a part without an
  // artifact of its own joins what failed for the same reason, or begins with this fix.
  void add_part(std::string_view name, const Error& why, const std::string& fix = {});

  // Whether something was refused and the fix names this: "CAP_SYSLOG".
  bool refused_for_want_of(std::string_view privilege) const;
  // In order of their first artifact.
  std::vector<NotExamined> lines() const;

 private:
  struct Group {
    std::string reason, fix, collector;
    Status status = Status::kFailed;
    bool refused = false, one_collector = true;
    std::vector<std::string> names, subjects;
  };
  Group& group_for(std::string_view reason, const std::string& fix, Status status);
  std::string what(const Group& group) const;

  std::deque<Group> groups_;
  std::map<std::tuple<std::string, std::string, Status>, Group*> by_reason_;
  std::map<std::string, Group*, std::less<>> by_path_;
  std::map<std::string, std::string, std::less<>> names_;  // subject → name of the part
};

}  // namespace ec
