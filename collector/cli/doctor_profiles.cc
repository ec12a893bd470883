#include "collector/cli/doctor_profiles.h"

#include <poll.h>

#include <algorithm>

#include "collector/base/text.h"
#include "collector/collectors/cpu_profile.h"
#include "collector/collectors/endpoint.h"

namespace ec {

namespace {

using Outcome = Check::Outcome;

constexpr milliseconds kForEndpoints{10'000};
constexpr size_t kMostListed = 12;

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + printable_line(word, 60);
  return text;
}

Check check_of(const EndpointRecord& record) {
  Check check{"debug endpoint " + printable_line(record.url, 200), Outcome::kGood, "", printable_line(record.fix, 200)};
  bool known = record.kinds != std::vector<std::string>{"http"} && record.kinds != std::vector<std::string>{"none"};
  if (known) {
    check.what += ": " + joined(record.kinds);
    return check;
  }
  check.outcome = Outcome::kLess;
  check.why = !record.error.empty()
                  ? printable_line(record.error, 200)
                  : fmt::format("it answers with status {}, but nothing that is known here", record.http_status);
  return check;
}

}  // namespace

Result<std::string> told_by_helper(milliseconds patience, const std::function<void(FrameWriter&)>& body) {
  auto helper = HelperProcess::start(body);
  if (!helper) return tl::unexpected(helper.error());
  Deadline until = Deadline::in(patience);
  std::string frame;
  while (true) {
    switch (helper->poll_frame(frame)) {
      case HelperProcess::Status::kFrame:
        return frame;
      case HelperProcess::Status::kEnded:
        return fail(ErrorCode::kNotFound, "helper", "ended without an answer");
      case HelperProcess::Status::kNothingYet:
        pollfd waiting{helper->fd(), POLLIN, 0};
        if (until.passed() || poll(&waiting, 1, until.remaining_ms()) == 0)
          return fail(ErrorCode::kTimeout, "helper", fmt::format("no answer within {} ms", patience.count()));
    }
  }
}

void add_sampling(const TargetIdentity& target, std::vector<Check>& checks) {
  CpuProfileOutlook outlook = cpu_profile_outlook(target);
  if (outlook.problem.empty())
    checks.push_back(
        {fmt::format("CPU profile from outside (perf_event_open: {}, {})", outlook.cycles ? "cycles" : "CPU clock",
                     outlook.kernel ? "kernel included" : "without time in the kernel"),
         Outcome::kGood, "", ""});
  else
    checks.push_back({"CPU profile from outside (perf_event_open); CPU time by thread is shown instead", Outcome::kLess,
                      outlook.problem, outlook.fix});
}

void add_endpoints(const TargetIdentity& target, std::vector<Check>& checks) {
  const std::string nobody = "debug endpoint";
  auto told = told_by_helper(kForEndpoints + milliseconds(500), [&](FrameWriter& out) {
    out.frame(to_json(find_endpoints(target, RunOptions{}, Deadline::in(kForEndpoints))));
  });
  auto records = told ? parse_endpoint_records("helper", *told) : Result<EndpointRecords>(tl::unexpected(told.error()));
  if (!records) return checks.push_back({nobody, Outcome::kLess, records.error().message(), ""});
  if (!records->error.empty()) return checks.push_back({nobody, Outcome::kLess, records->error, records->fix});
  if (records->endpoints.empty())
    return checks.push_back({nobody + ": none, for it listens nowhere", Outcome::kGood, "", ""});
  for (const EndpointRecord& record : records->endpoints) {
    if (&record - records->endpoints.data() == static_cast<ptrdiff_t>(kMostListed)) break;
    checks.push_back(check_of(record));
  }
}

}  // namespace ec
