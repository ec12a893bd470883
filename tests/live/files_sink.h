// What the collectors of files, sockets and logs store, straight into a store: no runner, no redaction.
#pragma once

#include <catch2/catch.hpp>
#include <initializer_list>
#include <string>

#include "collector/collectors/collector.h"
#include "collector/target/identity.h"

namespace ec {

class StoreSink : public Sink {
 public:
  RawStore store;
  std::string touched;

  void touch(std::string_view what, bool) override { touched = what; }
  void artifact(std::string_view path, std::string_view source, std::string_view bytes, Redact) override {
    add(path, source, bytes, Status::kOk, {});
  }
  void partial(std::string_view path, std::string_view source, std::string_view bytes, std::string_view reason,
               Redact) override {
    add(path, source, bytes, Status::kPartial, std::string(reason));
  }
  void failed(std::string_view path, std::string_view source, const Error& error, std::string_view) override {
    add(path, source, {}, Status::kFailed, error.message());
  }
  void section(std::string_view bundle_path, std::string_view name, std::string_view bytes) override {
    append_section(bundles_[std::string(bundle_path)], name, bytes);
  }
  void failed_section(std::string_view bundle_path, std::string_view name, const Error& error) override {
    append_failed_section(bundles_[std::string(bundle_path)], name, error);
  }
  bool hung_before(std::string_view) const override { return false; }

  // Runs one collector on the target and parses what it stored.
  void run(void (*gather)(GatherContext&), const TargetIdentity* target, const RunOptions& options) {
    GatherContext context{target, options, Reading::kFirst, Deadline::in(std::chrono::seconds(20)), {}, *this};
    gather(context);
    for (auto& [path, bytes] : bundles_) add(path, "bundle", bytes, Status::kOk, {});
  }

 private:
  void add(std::string_view path, std::string_view source, std::string_view bytes, Status status, std::string reason) {
    ArtifactRow row;
    row.path = path;
    row.source = source;
    row.status = status;
    row.reason = std::move(reason);
    store.add(std::move(row), std::string(bytes));
  }
  std::map<std::string, std::string> bundles_;
};

struct GatherAndParse {
  void (*gather)(GatherContext&);
  void (*parse)(const RawStore&, Snapshot&);
};

// What these collectors tell of a live process. `sink` may hold artifacts already.
inline Snapshot collected(pid_t pid, std::initializer_list<GatherAndParse> collectors, const RunOptions& options = {},
                          StoreSink sink = {}) {
  auto target = identify(pid);
  REQUIRE(target);
  for (const GatherAndParse& each : collectors) sink.run(each.gather, &*target, options);
  Snapshot snapshot;
  snapshot.target.pid = pid;
  snapshot.target.comm = target->comm;
  for (const GatherAndParse& each : collectors) each.parse(sink.store, snapshot);
  return snapshot;
}

}  // namespace ec
