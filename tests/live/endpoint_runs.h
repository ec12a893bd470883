// Runs the endpoint collectors on a live process, through their own helper process.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "collector/collectors/endpoint.h"
#include "collector/collectors/runner.h"
#include "tests/support/program.h"

namespace ec::test {

// What the collectors give, as the rest of the program sees it: through their own helper process.
struct Collected : RunnerListener {
  RawStore store;
  Snapshot snapshot;
  std::vector<std::string> order;  // paths as they arrived

  void artifact(ArtifactRow row, std::string bytes, Redact redact) override {
    order.push_back(row.path);
    static const Redactor kRedactor(true);
    if (row.status == Status::kOk || row.status == Status::kPartial) {
      Redacted redacted = kRedactor.redact(redact, row.path, std::move(bytes));
      bytes = std::move(redacted.bytes);
    }
    store.add(std::move(row), std::move(bytes));
  }
  void progress(const Collector&, Reading, Progress) override {}

  const Endpoint& only() const {
    REQUIRE(snapshot.endpoints.has_value());
    REQUIRE(snapshot.endpoints->size() == 1);
    return snapshot.endpoints->front();
  }
  std::string status(const std::string& name) const {
    for (const auto& endpoint : *snapshot.endpoints)
      for (const auto& profile : endpoint.profiles)
        if (profile.name == name) return profile.status + (profile.reason.empty() ? "" : ": " + profile.reason);
    return "absent";
  }
};

inline const Collector& row(std::string_view name) {
  for (const Collector& collector : collector_table())
    if (collector.name == name) return collector;
  throw std::runtime_error("no such row");
}

inline void collect_into(Collected& collected, pid_t pid, RunOptions options, const std::vector<std::string>& rows,
                         Deadline deadline = Deadline::in(std::chrono::seconds(90))) {
  auto target = identify(pid);
  REQUIRE(target.has_value());
  Runner runner(&*target, options, Clock::now(), collected);
  std::vector<Step> steps;
  for (const auto& name : rows) steps.push_back({&row(name), Reading::kFirst, {}});
  runner.start(std::move(steps), deadline);
  runner.pump(Deadline::in(std::chrono::seconds(120)), {}, [] { return false; });
  CHECK(runner.idle());
  collected.snapshot.target.pid = pid;
  parse_endpoints(collected.store, collected.snapshot);
}

inline RunOptions with(std::vector<std::string> endpoints, int profile_seconds = 0) {
  RunOptions options;
  options.endpoints = std::move(endpoints);
  options.profile_seconds = profile_seconds;
  return options;
}

}  // namespace ec::test
