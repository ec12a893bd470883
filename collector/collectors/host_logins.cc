#include "collector/collectors/host_logins.h"

#include "collector/base/text.h"
#include "collector/collectors/host_readings.h"
#include "collector/proc/proc_root.h"
#include "collector/proc/utmp.h"

namespace ec {

namespace {

constexpr std::string_view kSessions = "raw/host/sessions.bundle";
constexpr int kMostSessions = 200;
constexpr int kUserProcess = 7;  // utmp(5), USER_PROCESS

std::string machine_of(const RawStore& store) {
  auto text = store.read("raw/host/uname");
  if (!text) return {};
  LineCursor lines("raw/host/uname", *text);
  while (auto line = lines.next())
    if (line->starts_with("machine ")) return std::string(trim(line->substr(8)));
  return {};
}

}  // namespace

void gather_host_logins(GatherContext& context) {
  context.out.touch("/run/utmp");
  // Records of fixed size with names and addresses: redaction would move them.
  auto utmp = read_file("/run/utmp", 1u << 20);
  if (utmp) {
    context.out.artifact("raw/host/utmp", "/run/utmp", *utmp, Redact::kNothing);
    return;
  }
  auto sessions = ProcRoot::open("/run/systemd/sessions");
  if (!sessions) {
    Error error = utmp.error();
    if (error.code == ErrorCode::kGone)
      error = Error{ErrorCode::kSkipped, "/run/utmp",
                    "this system keeps no list of logins (no utmp, no systemd-logind)", 0};
    context.out.failed("raw/host/utmp", "/run/utmp", error);
    return;
  }
  context.out.section(kSessions, "source", "/run/systemd/sessions");
  int count = 0;
  std::string buffer;
  (void)sessions->each("", [&](std::string_view name) {
    std::string file(name);
    if (file.ends_with(".ref")) return true;
    if (auto bytes = sessions->read(file.c_str(), buffer, 16 * 1024)) context.out.section(kSessions, file, *bytes);
    return ++count < kMostSessions;
  });
}

void parse_host_logins(const RawStore& store, Snapshot& snapshot) {
  std::vector<Login> logins;
  if (auto utmp = store.read("raw/host/utmp")) {
    for (const UtmpRecord& record : parse_utmp(*utmp, utmp_has_wide_times(machine_of(store))))
      if (record.type == kUserProcess && !record.user.empty())
        logins.push_back({record.user, record.line, record.host, record.since});
  } else if (store.row(kSessions)) {
    for (const Section& section : store.bundle(kSessions)) {
      SessionFile session = parse_session_file(section.bytes);
      if (!session.user.empty() && session.session_class == "user")
        logins.push_back({session.user, session.terminal, session.from, session.since});
    }
  } else {
    snapshot.host.logins = utmp.error();
    return;
  }
  snapshot.host.logins = std::move(logins);
}

}  // namespace ec
