// Everything one run learned, or an archive tells. Analysis and report are pure functions of it. It holds no open
// resource and refers to no live process.
//
// There is no JSON form of the whole: the raw bytes of the archive are its serialised form, and the collectors' parse
// functions bring it back (docs/how-it-works.md).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "collector/base/part.h"
#include "collector/snapshot/added_names.h"
#include "collector/snapshot/baseline.h"
#include "collector/snapshot/core.h"
#include "collector/snapshot/cpu_profile.h"
#include "collector/snapshot/endpoint.h"
#include "collector/snapshot/files.h"
#include "collector/snapshot/gauges.h"
#include "collector/snapshot/goroutines.h"
#include "collector/snapshot/host.h"
#include "collector/snapshot/jvm.h"
#include "collector/snapshot/process.h"
#include "collector/snapshot/profiles.h"
#include "collector/snapshot/python.h"
#include "collector/snapshot/samples.h"
#include "collector/snapshot/threads.h"

namespace ec {

// Artifact status, as in manifest.json.
enum class Status { kOk, kPartial, kFailed, kTimeout, kSkipped };
std::string_view to_string(Status status);
std::optional<Status> status_from(std::string_view word);

// A row of the manifest.
struct ArtifactRow {
  std::string path;
  std::string source;     // "/proc/42/maps", "sock_diag", "GET http://127.0.0.1:6060/debug/vars"
  std::string collector;  // name of the collector, "" for derived pages
  Status status = Status::kOk;
  std::string reason;  // "" when ok
  std::string fix;     // smallest fix, "" when none
  uint64_t bytes = 0;
  std::string sha256;  // hex, of the bytes as stored (after redaction)
  double at_ms = 0;    // when it was read, after the start of the run
  double took_ms = 0;
  uint64_t redactions = 0;
};

struct TargetDeath {
  std::string how;  // "exited", "killed by SIGKILL", "replaced by exec", "gone", "pid reused"
  double at_ms = 0;
  std::string evidence;  // "cgroup oom_kill rose from 3 to 4", "kernel log: …"; "" when none
};

struct TargetInfo {
  int pid = 0;  // 0: host only
  uint64_t start_ticks = 0;
  std::string start_time;  // RFC 3339
  std::string comm, exe, build_id;
  std::optional<TargetDeath> death;
};

struct CollectorCost {  // what the run cost, ours
  double wall_seconds = 0, cpu_seconds = 0;
  uint64_t peak_rss_bytes = 0;
};

struct RunInfo {
  std::string version, build_id;  // of the collector
  int64_t started_wall_ns = 0, finished_wall_ns = 0;
  std::map<std::string, std::string> options;   // as asked, secrets redacted
  std::vector<std::string> privileges_missing;  // in words: "CAP_SYS_PTRACE: …"
  bool root = false;                            // ran as user 0 of its user namespace
  bool in_user_namespace = false;               // not the initial one: its privileges end at the border
  bool redacted = true;
  bool interrupted = false;  // SIGINT, SIGTERM or --deadline ended it early
  std::string interrupted_by;
  CollectorCost cost;
};

struct Executable {
  std::string path;                   // as the target sees it
  std::string build_id, interpreter;  // hex; PT_INTERP
  std::string language;               // "Go 1.19.8", "JVM 17.0.15", "CPython 3.11.2", "Node 20.20.2", "C/C++" …
  std::string product;                // "PostgreSQL 15.18", "nginx 1.22.1", "Redis 7.0.15", "" = unknown
  std::string package;                // "postgresql-15 15.18-0+deb12u1" of the dpkg database in the target's root
  std::string package_reason;         // why package is empty: "package database not read: rpm"
  std::string go_module, go_version;  // Go build info
  std::map<std::string, std::string> go_settings;
  bool deleted = false;                        // the file on disk is gone
  bool replaced = false;                       // another file is at its path
  std::vector<std::string> changed_libraries;  // mapped files deleted or replaced since they were mapped
  bool stripped = false, position_independent = false, static_linked = false;
};

struct ForensicFact {
  std::string kind;  // writable-executable-mapping, memfd-executable, deleted-executable, preload, vanished-executable,
                     // unowned-listener …
  std::string subject;  // mapping, path, process, socket
  std::string detail;
  std::string severity;  // info|low|medium
  std::string artifact, locator;
};

struct Snapshot {
  RunInfo run;
  TargetInfo target;
  std::optional<CoreFacts> core;  // the target is a core file
  Process process;
  Part<std::vector<Thread>> threads;  // by tid
  Part<Stacks> stacks;
  Part<SampleSeries> samples;             // of --samples
  Part<GaugeSeries> gauges;               // of --samples
  Part<GaugeSeries> runtime_gauges;       // of --samples: what a debug endpoint told
  Part<CpuProfile> cpu_profile;           // taken from outside
  Part<CpuProfile> page_faults;           // where memory was touched first during a series; weights are bytes
  std::optional<AddedNames> added_names;  // stacks and samples hold them already
  Part<PythonRuntime> python;             // stacks hold its frames already
  Part<RuntimeGoroutines> goroutines;
  Part<JvmRuntime> jvm;  // threads have its names already
  Part<OpenFiles> files;
  Part<SocketSummary> sockets;
  Part<Logs> logs;
  Part<Executable> executable;
  Part<std::vector<ForensicFact>> forensics;
  Part<std::vector<Endpoint>> endpoints;
  Part<Profiles> profiles;
  Host host;
  std::optional<Baseline> baseline;    // of --baseline
  std::vector<ArtifactRow> artifacts;  // so far
};

}  // namespace ec
