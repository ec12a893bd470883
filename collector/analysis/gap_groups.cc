#include "collector/analysis/gap_groups.h"

#include <fmt/format.h>

#include <algorithm>

#include "collector/analysis/words.h"
#include "collector/base/text.h"

namespace ec {

namespace {

// "raw/proc/42/map_files/7f…" and its thousand neighbours have one shape: digits and long hex numbers do not count.
std::string shape_of(std::string_view text) {
  std::string shape;
  for (size_t i = 0; i < text.size();) {
    size_t end = i;
    bool digit = false;
    while (end < text.size() && std::isxdigit(static_cast<unsigned char>(text[end])))
      digit |= text[end] >= '0' && text[end] <= '9', ++end;
    if (end > i && digit &&
        (end - i >= 8 ||
         std::all_of(text.begin() + static_cast<ptrdiff_t>(i), text.begin() + static_cast<ptrdiff_t>(end),
                     [](char c) { return c >= '0' && c <= '9'; }))) {
      shape += '#';
      i = end;
    } else {
      shape += text[i++];
    }
  }
  return shape;
}

// First readings and second readings of one thing fail for one reason.
std::string subject_of(std::string_view path) {
  for (std::string_view prefix : {"raw/second/", "raw/last/", "raw/"})
    if (path.starts_with(prefix)) {
      path.remove_prefix(prefix.size());
      break;
    }
  return std::string(path);
}

// "/proc/1/io: Permission denied" and "/proc/1/auxv: Permission denied" are one reason; the path is the subject.
std::string_view without_place(std::string_view reason, std::string_view place) {
  auto colon = reason.find(": ");
  if (colon != std::string_view::npos && (reason.front() == '/' || reason.substr(0, colon) == place))
    reason.remove_prefix(colon + 2);
  return reason;
}

// EACCES and EPERM say the same to who lacks the privilege.
bool is_refusal(std::string_view reason) {
  return reason == "Permission denied" || reason == "Operation not permitted";
}

std::string reason_of_part(const Error& why) {
  if (why.code == ErrorCode::kMalformed || why.code == ErrorCode::kTruncated)
    return why.message();  // the place matters
  return std::string(without_place(Error{why.code, "", why.detail, why.sys_errno}.message(), ""));
}

void keep_once(std::vector<std::string>& items) {
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
}

}  // namespace

GapGroups::Group& GapGroups::group_for(std::string_view reason, const std::string& fix, Status status) {
  bool refused = is_refusal(reason) && status == Status::kFailed;
  auto [found, fresh] = by_reason_.try_emplace({refused ? "refused" : shape_of(reason), fix, status});
  if (fresh) {
    Group& group = groups_.emplace_back();
    group.reason = printable_line(reason, 240);
    if (group.reason.empty()) group.reason = to_string(status);
    group.fix = printable_line(fix, 200);
    group.status = status;
    group.refused = refused;
    found->second = &group;
  }
  return *found->second;
}

void GapGroups::add(const ArtifactRow& row) {
  Group& group = group_for(without_place(row.reason, row.source), row.fix, row.status);
  if (group.subjects.empty()) group.collector = row.collector;
  group.one_collector &= row.collector == group.collector;
  if (group.subjects.size() < 10'000) group.subjects.push_back(subject_of(row.path));
  by_path_.emplace(row.path, &group);
}

void GapGroups::call(std::string_view path, std::string_view name) { names_[subject_of(path)] = name; }

void GapGroups::add_part(std::string_view name, const Error& why, const std::string& fix) {
  if (by_path_.contains(why.where)) return call(why.where, name);
  std::string reason = reason_of_part(why);
  for (Group& group : groups_)
    if (group.status == Status::kFailed && (group.refused ? is_refusal(reason) : group.reason == reason)) {
      group.names.emplace_back(name);
      return;
    }
  group_for(reason, fix, Status::kFailed).names.emplace_back(name);
}

bool GapGroups::refused_for_want_of(std::string_view privilege) const {
  return std::any_of(groups_.begin(), groups_.end(), [privilege](const Group& group) {
    return group.refused && group.fix.find(privilege) != std::string::npos;
  });
}

std::string GapGroups::what(const Group& group) const {
  std::vector<std::string> names = group.names, paths;
  for (const std::string& subject : group.subjects) {
    auto known = names_.find(subject);
    (known == names_.end() ? paths : names)
        .push_back(printable_line(known == names_.end() ? subject : known->second, 120));
  }
  keep_once(names);
  keep_once(paths);
  size_t count = names.size() + paths.size(), shown = std::max<size_t>(names.size(), 4);
  std::string before;
  if (names.empty() && count > 4) {
    before = fmt::format("{} artifacts{}: ", count,
                         group.one_collector && !group.collector.empty()
                             ? fmt::format(" of \"{}\"", printable_line(group.collector, 40))
                             : "");
    shown = 3;
  }
  names.insert(names.end(), paths.begin(), paths.end());
  return before + enumerate(names, shown) + (group.status == Status::kPartial ? " (in part)" : "");
}

std::vector<NotExamined> GapGroups::lines() const {
  std::vector<NotExamined> lines;
  for (const Group& group : groups_) lines.push_back({what(group), group.reason, group.fix});
  return lines;
}

}  // namespace ec
