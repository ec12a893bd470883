#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "collector/analysis/cpu_time.h"
#include "collector/analysis/profile_words.h"
#include "collector/analysis/usual.h"
#include "collector/analysis/words.h"
#include "collector/base/clock.h"
#include "collector/report/page.h"

namespace ec {

namespace {

using nlohmann::ordered_json;

nlohmann::ordered_json baseline_json(const Snapshot& snapshot) {
  nlohmann::ordered_json root{{"archives", snapshot.baseline->archives}, {"higher", nlohmann::ordered_json::array()}};
  for (const Unusual& unusual : unusual_figures(snapshot)) {
    nlohmann::ordered_json row{{"figure", unusual.figure.key},         {"severity", to_string(unusual.severity)},
                               {"value", unusual.figure.value},        {"mean", unusual.usual.mean},
                               {"deviation", unusual.usual.deviation}, {"archives", unusual.usual.count}};
    row["times"] = std::isinf(unusual.times) ? nlohmann::ordered_json() : nlohmann::ordered_json(unusual.times);
    row["lower"] = unusual.lower;
    row["text"] = unusual_words(unusual);
    row["suggestion"] = unusual.suggestion;
    root["higher"].push_back(std::move(row));
  }
  return root;
}

nlohmann::ordered_json cpu_profile(const Snapshot& snapshot) {
  constexpr size_t kFunctions = 20;
  using nlohmann::ordered_json;
  CpuTime time = cpu_time_of(snapshot);
  ordered_json functions = ordered_json::array();
  for (size_t i = 0; i < std::min(time.functions.size(), kFunctions); ++i) {
    const CpuFunction& each = time.functions[i];
    functions.push_back({{"name", each.name}, {"self", each.self}, {"total", each.total}, {"called_by", each.caller}});
  }
  return {{"seconds", time.seconds},
          {"cores", time.cores},
          {"samples", snapshot.cpu_profile->samples},
          {"refused", snapshot.cpu_profile->refused},
          {"functions", std::move(functions)}};
}

ordered_json json_of(const RunProfile& profile) {
  const ProfileDigest& digest = profile.digest;
  ordered_json json{{"artifact", profile.artifact},
                    {"kind", to_string(digest.kind)},
                    {"says", profile_sentence(profile)},
                    {"type", digest.type},
                    {"unit", digest.unit},
                    {"total", digest.total},
                    {"duration_ns", digest.duration_ns}};
  json["totals"] = ordered_json::object();
  for (const DigestTotal& total : digest.totals) json["totals"][total.type] = total.value;
  json["runtime"] = ordered_json::object();
  for (size_t i = 1; i < digest.runtime.size(); ++i)
    if (digest.runtime[i] != 0)
      json["runtime"][std::string(to_string(static_cast<RuntimeWork>(i)))] = digest.runtime[i];
  json["functions"] = ordered_json::array();
  for (const DigestFunction& one : digest.by_charged)
    json["functions"].push_back({{"name", one.name}, {"flat", one.flat}, {"cum", one.cum}, {"charged", one.charged}});
  json["paths"] = ordered_json::array();
  for (const DigestPath& path : digest.paths)
    json["paths"].push_back({{"value", path.value}, {"functions", path.functions}});
  return json;
}

}  // namespace

// Contract: docs/archive-format.md.
std::string summary_json(const Page& page) {
  auto& snapshot = page.snapshot;
  ordered_json root;
  root["schema"] = 1;
  auto& target = snapshot.target;
  if (target.pid != 0) {
    root["target"] = {{"pid", target.pid},
                      {"start_time", target.start_time},
                      {"comm", target.comm},
                      {"exe", target.exe},
                      {"build_id", target.build_id}};
    if (target.death)
      root["target"]["death"] = {
          {"how", target.death->how}, {"at_ms", target.death->at_ms}, {"evidence", target.death->evidence}};
  } else {
    root["target"] = nullptr;
  }
  root["host"] = {{"name", snapshot.host.name}, {"boot_id", snapshot.host.boot_id}, {"kernel", snapshot.host.kernel}};
  root["started"] = rfc3339(snapshot.run.started_wall_ns);
  root["verdict"] = verdict(snapshot, page.findings);
  root["findings"] = ordered_json::array();
  for (auto& finding : page.findings) {
    ordered_json evidence = ordered_json::array();
    for (auto& item : finding.evidence)
      evidence.push_back({{"artifact", item.artifact}, {"locator", item.locator}, {"excerpt", item.excerpt}});
    root["findings"].push_back({{"id", finding.id},
                                {"severity", to_string(finding.severity)},
                                {"title", finding.title},
                                {"detail", finding.detail},
                                {"evidence", std::move(evidence)},
                                {"runbook", "runbooks/" + finding.id + ".md"}});
  }
  root["figures"] = ordered_json::object();
  for (auto& figure : figures(snapshot)) {
    static constexpr const char* kMarks[] = {"normal", "warning", "bad"};
    root["figures"][figure.key] = {{"group", figure.group}, {"label", figure.label},
                                   {"text", figure.text},   {"value", figure.value},
                                   {"unit", figure.unit},   {"mark", kMarks[static_cast<int>(figure.mark)]}};
  }
  if (snapshot.baseline) root["baseline"] = baseline_json(snapshot);
  if (snapshot.cpu_profile && snapshot.cpu_profile->span_ns > 0) root["cpu_profile"] = cpu_profile(snapshot);
  root["profiles"] = ordered_json::array();
  if (snapshot.profiles)
    for (const RunProfile& profile : snapshot.profiles->read) root["profiles"].push_back(json_of(profile));
  root["not_examined"] = ordered_json::array();
  for (auto& gap : not_examined(snapshot))
    root["not_examined"].push_back({{"what", gap.what}, {"reason", gap.reason}, {"fix", gap.fix}});
  // Text of the target may be any bytes: invalid UTF-8 becomes U+FFFD instead of an exception.
  return root.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace ec
