#include "collector/cli/run_record.h"

#include <algorithm>

#include "collector/base/text.h"

namespace ec {

std::map<std::string, std::string> recorded_options(const CollectRequest& request) {
  std::map<std::string, std::string> options;
  const TargetRequest& target = request.target;
  if (!request.core.empty()) options["core"] = request.core;
  if (!request.executable.empty()) options["exe"] = request.executable;
  if (target.pid) options["pid"] = std::to_string(*target.pid);
  if (!target.name.empty()) options["name"] = target.name;
  if (!target.unit.empty()) options["unit"] = target.unit;
  if (target.port) options["port"] = std::to_string(*target.port);
  options["profile-seconds"] = std::to_string(request.run.profile_seconds);
  constexpr const char* kModes[] = {"auto", "consistent", "no-stop", "kernel", "none"};
  options["stacks"] = kModes[static_cast<int>(request.run.stacks)];
  if (request.run.restart_interrupted) options["restart-eintr"] = "true";
  if (!request.run.lines) options["no-lines"] = "true";
  if (request.run.jvm_attach) options["jvm-attach"] = "true";
  options["max-pause"] = std::to_string(request.run.max_pause.count());
  std::string endpoints;
  for (const std::string& endpoint : request.run.endpoints) endpoints += (endpoints.empty() ? "" : " ") + endpoint;
  options["endpoint"] = endpoints;
  const HttpAccess& access = request.run.access;
  std::string headers;
  for (const HttpHeader& header : access.headers) headers += (headers.empty() ? "" : " ") + header.name;
  if (!headers.empty()) options["header"] = headers;
  if (!access.bearer_from.empty()) options["bearer"] = access.bearer_from;
  if (!access.ca_file.empty()) options["ca"] = access.ca_file;
  if (!access.verify_certificates) options["insecure-skip-verify"] = "yes";
  if (request.run.samples > 1) {
    options["samples"] = std::to_string(request.run.samples);
    options["every"] = fmt::format("{:g}", std::chrono::duration<double>(request.run.every).count());
  }
  if (!request.redact) options["no-redact"] = "yes";
  auto joined = [](const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
    return text;
  };
  if (!request.only.empty()) options["only"] = joined(request.only);
  if (!request.run.debug_directories.empty()) options["debug-dir"] = joined(request.run.debug_directories);
  if (!request.run.pull.empty()) options["pull"] = joined(request.run.pull);
  if (!request.debuginfod.empty()) options["debuginfod"] = joined(request.debuginfod);
  if (!request.baseline.empty()) options["baseline"] = joined(request.baseline);
  if (request.keep) options["keep"] = "true";
  if (!request.store.empty()) options["store"] = request.store;
  if (!request.skip.empty()) options["skip"] = joined(request.skip);
  return options;
}

std::string run_record_text(const Snapshot& snapshot) {
  const RunInfo& run = snapshot.run;
  std::string text = fmt::format(
      "version {}\nbuild_id {}\nstarted_wall_ns {}\nredacted {}\nhost {}\npid {}\nstart_ticks {}\ncomm {}\n",
      run.version, run.build_id, run.started_wall_ns, run.redacted ? 1 : 0, printable_line(snapshot.host.name),
      snapshot.target.pid, snapshot.target.start_ticks, printable_line(snapshot.target.comm));
  for (const auto& [name, value] : run.options) text += fmt::format("option.{} {}\n", name, printable_line(value));
  text += fmt::format("root {}\nuser_namespace {}\n", run.root ? 1 : 0, run.in_user_namespace ? "own" : "initial");
  for (const std::string& missing : run.privileges_missing) text += fmt::format("missing {}\n", missing);
  return text;
}

void read_run_record(std::string_view text, Snapshot& snapshot) {
  RunInfo& run = snapshot.run;
  LineCursor lines("raw/run", text);
  while (auto line = lines.next()) {
    size_t space = line->find(' ');
    std::string_view name = line->substr(0, space);
    std::string value(space == std::string_view::npos ? "" : line->substr(space + 1));
    if (name == "version")
      run.version = value;
    else if (name == "build_id")
      run.build_id = value;
    else if (name == "started_wall_ns")
      run.started_wall_ns = parse_number<int64_t>(value).value_or(0);
    else if (name == "redacted")
      run.redacted = value != "0";
    else if (name == "host")
      snapshot.host.name = value;
    else if (name == "pid")
      snapshot.target.pid = parse_number<int>(value).value_or(0);
    else if (name == "start_ticks")
      snapshot.target.start_ticks = parse_number<uint64_t>(value).value_or(0);
    else if (name == "comm")
      snapshot.target.comm = value;
    else if (name == "root")
      run.root = value == "1";
    else if (name == "user_namespace")
      run.in_user_namespace = value == "own";
    else if (name == "missing")
      run.privileges_missing.push_back(value);
    else if (name.starts_with("option."))
      run.options[std::string(name.substr(7))] = value;
  }
}

void take_target_facts(Snapshot& snapshot) {
  TargetInfo& target = snapshot.target;
  if (target.start_time.empty() && snapshot.process.status)
    target.start_time =
        rfc3339(snapshot.run.started_wall_ns - static_cast<int64_t>(snapshot.process.status->age_seconds * 1e9));
  if (snapshot.executable) {
    target.exe = snapshot.executable->path;
    target.build_id = snapshot.executable->build_id;
  }
}

bool is_complete(const Snapshot& snapshot) {
  return std::none_of(snapshot.artifacts.begin(), snapshot.artifacts.end(), [](const ArtifactRow& row) {
    return row.status == Status::kFailed || row.status == Status::kTimeout || row.status == Status::kPartial;
  });
}

}  // namespace ec
