#include "collector/archive/manifest.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>

#include "collector/archive/writer.h"
#include "collector/base/clock.h"
#include "collector/base/text.h"

namespace ec {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kSchema = "emergency-collect/1";

std::string dump(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

double rounded(double milliseconds) { return std::round(milliseconds * 1000) / 1000; }

Json row_object(const ArtifactRow& row, size_t longest) {
  Json json;
  json["path"] = row.path;
  json["source"] = printable_line(row.source, longest);
  json["collector"] = row.collector;
  json["status"] = to_string(row.status);
  json["reason"] = printable_line(row.reason, longest);
  json["fix"] = printable_line(row.fix, longest);
  json["bytes"] = row.bytes;
  json["sha256"] = row.sha256;
  json["at_ms"] = rounded(row.at_ms);
  json["took_ms"] = rounded(row.took_ms);
  json["redactions"] = row.redactions;
  return json;
}

Json pause_object(const Part<Stacks>& stacks) {
  Json json;
  if (!stacks) {
    // Nobody was stopped, or the one who would know did not come back.
    json["mode"] = stacks.why().code == ErrorCode::kSkipped ? "none" : "unknown";
    json["reason"] = printable_line(stacks.why().message());
    return json;
  }
  const Pause& pause = stacks->pause;
  json["mode"] = pause.mode;
  json["asked"] = pause.asked;
  if (!pause.why_gentler.empty()) json["why_gentler"] = pause.why_gentler;
  json["budget_us"] = pause.budget_us;
  json["stop_us"] = pause.stop_us;
  json["worst_thread_us"] = pause.worst_thread_us;
  json["threads_stopped"] = pause.threads_stopped;
  json["threads_read_without_stop"] = pause.threads_read_without_stop;
  json["syscalls_interrupted"] = pause.syscalls_interrupted;
  return json;
}

Json symbolized_object(const AddedNames& names) {
  Json json;
  json["at"] = rfc3339(names.at_wall_ns);
  json["collector"] = Json{{"version", names.version}, {"build_id", names.collector_build_id}};
  json["archive"] = names.archive;
  json["manifest_sha256"] = names.manifest_sha256;
  json["files"] = Json::array();
  for (const AddedModule& module : names.modules) {
    if (module.names.empty()) continue;
    Json file{{"module", module.path}, {"build_id", module.build_id}, {"file", module.file}};
    if (!module.debug_file.empty()) file["debug_file"] = module.debug_file;
    json["files"].push_back(std::move(file));
  }
  return json;
}

Json head_object(const Snapshot& snapshot, bool complete) {
  const RunInfo& run = snapshot.run;
  Json json;
  json["schema"] = kSchema;
  json["collector"] = Json{{"version", run.version}, {"build_id", run.build_id}};
  json["host"] =
      Json{{"name", snapshot.host.name}, {"boot_id", snapshot.host.boot_id}, {"kernel", snapshot.host.kernel}};
  const TargetInfo& target = snapshot.target;
  json["target"] = Json{{"pid", target.pid},
                        {"start_time", target.start_time},
                        {"start_ticks", target.start_ticks},
                        {"comm", target.comm},
                        {"exe", target.exe},
                        {"build_id", target.build_id}};
  if (target.death)
    json["target_death"] =
        Json{{"how", target.death->how}, {"at_ms", rounded(target.death->at_ms)}, {"evidence", target.death->evidence}};
  json["started"] = rfc3339(run.started_wall_ns, true);
  json["finished"] = rfc3339(run.finished_wall_ns, true);
  json["complete"] = complete;
  json["interrupted"] = run.interrupted;
  if (run.interrupted) json["interrupted_by"] = run.interrupted_by;
  json["redacted"] = run.redacted;
  json["options"] = Json::object();
  for (const auto& [name, value] : run.options) json["options"][name] = value;
  json["privileges_missing"] = run.privileges_missing;
  json["pause"] = pause_object(snapshot.stacks);
  if (snapshot.added_names) json["symbolized"] = symbolized_object(*snapshot.added_names);
  json["cost"] = Json{{"wall_seconds", run.cost.wall_seconds},
                      {"cpu_seconds", run.cost.cpu_seconds},
                      {"peak_rss_bytes", run.cost.peak_rss_bytes}};
  return json;
}

// Fields of untrusted JSON: another type is an absent field.
std::string text_of(const Json& json, const char* name) {
  auto found = json.is_object() ? json.find(name) : json.end();
  return json.is_object() && found != json.end() && found->is_string() ? found->get<std::string>() : std::string{};
}
template <class Number>
Number number_of(const Json& json, const char* name) {
  if (!json.is_object()) return {};
  auto found = json.find(name);
  if (found == json.end()) return {};
  if (found->is_number_unsigned()) return static_cast<Number>(found->get<uint64_t>());
  if constexpr (std::is_floating_point_v<Number>) {
    if (found->is_number()) return found->get<Number>();
  }
  return {};
}
bool flag_of(const Json& json, const char* name, bool otherwise) {
  if (!json.is_object()) return otherwise;
  auto found = json.find(name);
  return found != json.end() && found->is_boolean() ? found->get<bool>() : otherwise;
}
Json object_of(const Json& json, const char* name) {
  if (!json.is_object()) return Json::object();
  auto found = json.find(name);
  return found != json.end() && found->is_object() ? *found : Json::object();
}

std::optional<ArtifactRow> row_of(const Json& json) {
  ArtifactRow row;
  row.path = text_of(json, "path");
  auto status = status_from(text_of(json, "status"));
  if (row.path.empty() || !status) return std::nullopt;
  row.status = *status;
  row.source = text_of(json, "source");
  row.collector = text_of(json, "collector");
  row.reason = text_of(json, "reason");
  row.fix = text_of(json, "fix");
  row.bytes = number_of<uint64_t>(json, "bytes");
  row.sha256 = text_of(json, "sha256");
  row.at_ms = number_of<double>(json, "at_ms");
  row.took_ms = number_of<double>(json, "took_ms");
  row.redactions = number_of<uint64_t>(json, "redactions");
  return row;
}

}  // namespace

std::string row_json(const ArtifactRow& row, size_t longest) { return dump(row_object(row, longest)); }

std::optional<ArtifactRow> row_from_json(std::string_view line) { return row_of(Json::parse(line, nullptr, false)); }

std::string journal_of(const std::vector<ArtifactRow>& rows) {
  std::string text;
  for (const ArtifactRow& row : rows) {
    text += row_json(row);
    text += '\n';
  }
  return text;
}

std::vector<ArtifactRow> rows_of_journal(std::string_view text) {
  std::vector<ArtifactRow> rows;
  LineCursor lines("journal.jsonl", text);
  while (auto line = lines.next())
    if (auto row = row_from_json(*line)) rows.push_back(std::move(*row));
  return rows;
}

// The rows stand one per line, for people and for grep.
std::string manifest_json(const Snapshot& snapshot, const std::vector<ArtifactRow>& rows, bool complete) {
  std::string text = dump(head_object(snapshot, complete), 1);
  text.resize(text.rfind("\n}"));
  text += ",\n \"artifacts\": [";
  bool first = true;
  for (const ArtifactRow& row : rows) {
    text += first ? "\n  " : ",\n  ";
    text += row_json(row);
    first = false;
  }
  return text + "\n ]\n}\n";
}

Result<Manifest> manifest_from_json(std::string_view text) {
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return fail(ErrorCode::kMalformed, "manifest.json", "expected a JSON object");
  Manifest manifest;
  RunInfo& run = manifest.run;
  Json collector = object_of(json, "collector"), host = object_of(json, "host"), target = object_of(json, "target");
  run.version = text_of(collector, "version");
  run.build_id = text_of(collector, "build_id");
  manifest.host_name = text_of(host, "name");
  manifest.boot_id = text_of(host, "boot_id");
  manifest.kernel = text_of(host, "kernel");
  manifest.target.pid = static_cast<int>(std::min<uint64_t>(number_of<uint64_t>(target, "pid"), 1u << 30));
  manifest.target.start_ticks = number_of<uint64_t>(target, "start_ticks");
  manifest.target.start_time = text_of(target, "start_time");
  manifest.target.comm = text_of(target, "comm");
  manifest.target.exe = text_of(target, "exe");
  manifest.target.build_id = text_of(target, "build_id");
  if (Json death = object_of(json, "target_death"); !death.empty())
    manifest.target.death =
        TargetDeath{text_of(death, "how"), number_of<double>(death, "at_ms"), text_of(death, "evidence")};
  run.started_wall_ns = ns_of_rfc3339(text_of(json, "started"));
  run.finished_wall_ns = ns_of_rfc3339(text_of(json, "finished"));
  manifest.complete = flag_of(json, "complete", false);
  run.interrupted = flag_of(json, "interrupted", false);
  run.interrupted_by = text_of(json, "interrupted_by");
  run.redacted = flag_of(json, "redacted", true);
  Json cost = object_of(json, "cost");
  run.cost.wall_seconds = number_of<double>(cost, "wall_seconds");
  run.cost.cpu_seconds = number_of<double>(cost, "cpu_seconds");
  run.cost.peak_rss_bytes = number_of<uint64_t>(cost, "peak_rss_bytes");
  const Json options = object_of(json, "options");  // items() refers to it
  for (const auto& [name, value] : options.items())
    if (value.is_string()) run.options[name] = value.get<std::string>();
  if (auto missing = json.find("privileges_missing"); missing != json.end() && missing->is_array())
    for (const Json& word : *missing)
      if (word.is_string()) run.privileges_missing.push_back(word.get<std::string>());
  if (auto rows = json.find("artifacts"); rows != json.end() && rows->is_array())
    for (const Json& entry : *rows)
      if (auto row = row_of(entry)) manifest.rows.push_back(std::move(*row));
  return manifest;
}

int64_t ns_of_rfc3339(std::string_view text) {
  // 2026-11-20T21:46:38.123Z
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' ||
      !text.ends_with('Z'))
    return 0;
  auto part = [&](size_t at, size_t length) { return parse_number<int>(text.substr(at, length)).value_or(-1); };
  tm t{};
  t.tm_year = part(0, 4) - 1900;
  t.tm_mon = part(5, 2) - 1;
  t.tm_mday = part(8, 2);
  t.tm_hour = part(11, 2);
  t.tm_min = part(14, 2);
  t.tm_sec = part(17, 2);
  if (t.tm_year < 70 || t.tm_year > 300 || t.tm_mon < 0 || t.tm_mday < 1 || t.tm_hour < 0 || t.tm_min < 0 ||
      t.tm_sec < 0)
    return 0;
  int thousandths = text.size() == 24 && text[19] == '.' ? part(20, 3) : 0;
  return (int64_t{timegm(&t)} * 1000 + std::max(thousandths, 0)) * 1'000'000;
}

}  // namespace ec
