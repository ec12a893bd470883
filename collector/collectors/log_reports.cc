#include "collector/collectors/log_reports.h"

#include <algorithm>

#include "collector/profile/goroutine_dump.h"

namespace ec {

namespace {

constexpr size_t kMostDumps = 1000, kMostKinds = 50;
constexpr size_t kStackFrames = 8, kGroups = 3;

// "http: panic serving 10.0.0.7:41234: runtime error: …" → "http: panic serving a request: runtime error: …": the same
// failure of another request is the same.
std::string without_peer(const std::string& reason) {
  constexpr std::string_view kServing = "http: panic serving ";
  if (!reason.starts_with(kServing)) return reason;
  size_t end = reason.find(": ", kServing.size());
  return end == std::string::npos ? reason : std::string(kServing) + "a request" + reason.substr(end);
}

bool parks(const TextFrame& frame) {
  return frame.function.starts_with("runtime.") || frame.function.starts_with("sync.") ||
         frame.function.starts_with("internal/");
}

std::string group_words(const DumpedGoroutines& group) {
  std::string words = fmt::format("{} × {}", group.count, group.state);
  if (group.longest_minutes > 0) words += ", up to " + minutes_words(group.longest_minutes);
  auto own = std::find_if_not(group.frames.begin(), group.frames.end(), parks);
  if (own != group.frames.end()) words += ", in " + frame_words(*own);
  if (!group.creator.function.empty()) words += ", created by " + frame_words(group.creator);
  return words;
}

std::string origin_words(const RaceOrigin& origin) {
  bool heap = origin.what.starts_with("heap");
  std::string words = origin.what + (heap ? ": allocated" : ": created");
  // The allocator and what starts threads say nothing about this program.
  auto own = std::find_if_not(origin.frames.begin(), origin.frames.end(), [](const TextFrame& frame) {
    return frame.function.starts_with("operator new") || frame.function.starts_with("std::") ||
           frame.function.starts_with("pthread_") || frame.function.starts_with("__libc_start") ||
           frame.function.ends_with("alloc");
  });
  if (own != origin.frames.end()) words += " in " + frame_words(*own);
  return origin.by.empty() ? words : words + " by " + origin.by;
}

}  // namespace

void LogReports::add(std::string_view artifact, std::string_view text, bool current) {
  add_panics(artifact, text, current);
  add_races(artifact, text, current);
}

void LogReports::add_panics(std::string_view artifact, std::string_view text, bool current) {
  for (const GoroutineDump& dump : find_goroutine_dumps(text, kMostDumps)) {
    if (dump.reason.empty()) continue;  // somebody asked for it
    std::pair key{without_peer(dump.reason), dump.at ? frame_words(*dump.at) : ""};
    if (panics_.size() >= kMostKinds && !panics_.contains(key)) continue;
    LogGoPanic& panic = panics_[key];
    if (panic.count++ == 0) {
      panic.reason = key.first;
      panic.place = key.second;
      panic.survived = dump.survived;
    }
    panic.current |= current;
    panic.artifact = artifact;
    panic.line = dump.first_line;
    if (dump.goroutines < panic.goroutines) continue;
    panic.goroutines = dump.goroutines;
    panic.stack.clear();
    panic.groups.clear();
    for (size_t i = 0; i < std::min(dump.failed_frames.size(), kStackFrames); ++i)
      panic.stack.push_back(frame_words(dump.failed_frames[i]));
    for (size_t i = 0; i < std::min(dump.groups.size(), kGroups); ++i)
      panic.groups.push_back(group_words(dump.groups[i]));
  }
}

void LogReports::add_races(std::string_view artifact, std::string_view text, bool current) {
  for (const RaceReport& report : find_races(text, kMostKinds)) {
    auto place = [](const RaceAccess& access) {
      return access.frames.empty() ? access.what : frame_words(access.frames.front());
    };
    std::pair key{place(report.access), place(report.previous)};
    if (key.second < key.first) std::swap(key.first, key.second);
    if (races_.size() >= kMostKinds && !races_.contains(key)) continue;
    LogRace& race = races_[key];
    if (race.count == 0) {
      race.go = report.go;
      race.access = access_words(report.access);
      race.previous = access_words(report.previous);
      race.location = report.location;
      for (const RaceOrigin& origin : report.origins) race.origins.push_back(origin_words(origin));
      race.artifact = artifact;
      race.line = report.first_line;
    }
    race.count += report.count;
    race.current |= current;
  }
}

void LogReports::finish(Logs& logs) const {
  logs.go_panics.clear();
  for (const auto& [key, panic] : panics_) logs.go_panics.push_back(panic);
  std::stable_sort(logs.go_panics.begin(), logs.go_panics.end(), [](const LogGoPanic& a, const LogGoPanic& b) {
    return a.survived != b.survived ? b.survived : a.count > b.count;
  });
  logs.races.clear();
  for (const auto& [key, race] : races_) logs.races.push_back(race);
  std::stable_sort(logs.races.begin(), logs.races.end(),
                   [](const LogRace& a, const LogRace& b) { return a.count > b.count; });
}

}  // namespace ec
