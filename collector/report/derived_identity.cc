#include <fmt/format.h>

#include <iterator>

#include "collector/analysis/words.h"
#include "collector/base/text.h"
#include "collector/report/derived.h"
#include "collector/report/text_layout.h"

namespace ec::derived {

namespace {

using Out = std::back_insert_iterator<std::string>;

void field(std::string& text, std::string_view name, std::string_view value) {
  if (!value.empty()) fmt::format_to(Out(text), "{:<24}{}\n", name, plain_line(value, 1000));
}

std::string listed(const std::vector<std::string>& words) {
  return words.empty() ? "none" : fmt::format("{}", fmt::join(words, " "));
}

std::string security_txt(const Snapshot& snapshot) {
  const ProcessStatus& status = *snapshot.process.status;
  std::string text;
  if (snapshot.process.credential) {
    const Credential& credential = *snapshot.process.credential;
    field(text, "user", fmt::format("{} (uid {}, effective {})", credential.user, status.uid, status.euid));
    field(text, "group", fmt::format("{} (gid {}, effective {})", credential.group, status.gid, status.egid));
    field(text, "login uid", credential.login_uid ? std::to_string(*credential.login_uid) : "not set");
  }
  field(text, "capabilities, effective", listed(status.capabilities_effective));
  field(text, "capabilities, bounding", listed(status.capabilities_bounding));
  field(text, "seccomp", status.seccomp);
  field(text, "no new privileges", status.no_new_privs);
  field(text, "speculation", status.speculation);
  field(text, "tracer", status.tracer_pid ? fmt::format("process {}", status.tracer_pid) : "none");
  field(text, "scheduler",
        fmt::format("{}, nice {}, priority {}, CPUs {}", status.scheduler, status.nice, status.priority,
                    status.cpus_allowed));
  field(text, "signals blocked", listed(status.signals_blocked));
  field(text, "signals ignored", listed(status.signals_ignored));
  field(text, "signals caught", listed(status.signals_caught));
  if (snapshot.process.oom_score) field(text, "OOM score", std::to_string(*snapshot.process.oom_score));
  if (snapshot.process.oom_score_adj)
    field(text, "OOM score adjustment", std::to_string(*snapshot.process.oom_score_adj));
  if (snapshot.process.timers) {
    field(text, "POSIX timers", snapshot.process.timers->empty() ? "none" : "");
    for (const std::string& timer : *snapshot.process.timers) field(text, "POSIX timer", timer);
  }
  return text;
}

std::string executable_txt(const Executable& executable) {
  std::string text;
  field(text, "path", executable.path);
  field(text, "build id", executable.build_id);
  field(text, "language", executable.language);
  field(text, "product", executable.product);
  field(text, "package", executable.package.empty() ? executable.package_reason : executable.package);
  field(text, "interpreter", executable.interpreter);
  field(text, "linked", executable.static_linked ? "statically" : "dynamically");
  field(text, "position independent", executable.position_independent ? "yes" : "no");
  field(text, "symbols", executable.stripped ? "stripped" : "kept");
  field(text, "file on disk",
        executable.deleted    ? "deleted"
        : executable.replaced ? "another one than the running one"
                              : "the running one");
  for (const std::string& library : executable.changed_libraries) field(text, "changed library", library);
  field(text, "Go module", executable.go_module);
  field(text, "Go version", executable.go_version);
  for (const auto& [name, value] : executable.go_settings) field(text, "Go build " + name, value);
  return text;
}

}  // namespace

void identity(const Snapshot& snapshot, Artifacts& out) {
  if (snapshot.process.status)
    out.push_back({"process/security.txt", raw_process(snapshot, "status"), security_txt(snapshot)});
  if (snapshot.executable)
    out.push_back({"process/executable.txt", "raw/executable.bundle", executable_txt(*snapshot.executable)});
}

}  // namespace ec::derived
