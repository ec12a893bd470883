// A collector is a declaration: a row of the table in table.cc and two functions. gather() runs in a forked helper that
// may hang, crash or be killed, and stores raw bytes; parse() is pure and turns those bytes into its part of the
// snapshot, live and on an archive from last year.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collector/archive/raw_store.h"
#include "collector/archive/redaction.h"
#include "collector/base/clock.h"
#include "collector/base/error.h"
#include "collector/collectors/fd_links.h"
#include "collector/collectors/http_access.h"
#include "collector/collectors/profile_turn.h"
#include "collector/snapshot/snapshot.h"
#include "collector/target/core_file.h"
#include "collector/target/identity.h"

namespace ec {

enum class Tier { kT0, kT1, kT2, kT3, kT4 };                               // what it costs the target; PROMISES.md
enum class Lane { kStacks, kMain, kRisky, kEndpoint, kSampler, kFaults };  // one helper process each, side by side

// Whatever needs two readings to be a rate is read at the start and at the end of the fast part; when something slow
// (a CPU profile) follows, once more at the very end.
enum class Reading { kFirst, kSecond, kLast };
// "raw/proc/stat", "raw/second/proc/stat", "raw/last/proc/stat"; `path` without leading slash.
std::string raw_path(Reading reading, std::string_view path);
// The latest of last and second that the store holds: kLast, kSecond, or kFirst when there is only one reading.
Reading latest_reading(const RawStore& store, std::string_view path);
// Seconds between the first and the latest reading of `path`; 0 when there is only one.
double interval_seconds(const RawStore& store, std::string_view path);

enum class StackMode { kAuto, kConsistent, kNoStop, kKernel, kNone };

struct RunOptions {
  // Not a live process but this is looked at; no process with its pid is ever touched then. Null: a live one.
  std::shared_ptr<const CoreFile> core;
  std::string core_executable;  // the file to take for the program of the core, "" = by its path in the core
  std::vector<std::string> endpoints{"auto"};  // auto | none | URL
  HttpAccess access;                           // to the URLs among them
  std::vector<std::string> pull;               // words of the kinds' table: what is dear and asked for by name
  int profile_seconds = 5;
  StackMode stacks = StackMode::kAuto;
  std::chrono::milliseconds max_pause{50};
  bool restart_interrupted = false;  // --restart-eintr
  bool lines = true;                 // --no-lines: functions only
  bool brief_threads = false;        // of each thread only its name, its state and its system call
  bool jvm_attach = false;           // --jvm-attach: SIGQUIT to a JVM without an attach socket, when that is safe
  bool numa_maps = false;
  std::vector<std::string> debug_directories;  // searched first for separate debug files
  int samples = 1;                             // of all stacks; 1: no series
  std::chrono::nanoseconds every{std::chrono::seconds(1)};
  uint64_t rollup_rss_limit_bytes = uint64_t{8} << 30;  // smaps_rollup is skipped above it
  uint64_t log_tail_bytes = 64 * 1024;                  // of each log
};

// Where gather() puts what it finds.
class Sink {
 public:
  virtual ~Sink() = default;
  // Names what the next read touches, so that a hang can be named. `risky`: it may sleep for ever.
  virtual void touch(std::string_view what, bool risky = false) = 0;
  // A whole artifact. `path` as in the archive ("raw/proc/42/maps"), `source` as a person would name it
  // ("/proc/42/maps").
  virtual void artifact(std::string_view path, std::string_view source, std::string_view bytes,
                        Redact redact = Redact::kAuto) = 0;
  virtual void partial(std::string_view path, std::string_view source, std::string_view bytes, std::string_view reason,
                       Redact redact = Redact::kAuto) = 0;
  virtual void failed(std::string_view path, std::string_view source, const Error& error,
                      std::string_view fix = {}) = 0;
  // One section of a bundle that grows until the collector ends; kept when the helper hangs or dies.
  virtual void section(std::string_view bundle_path, std::string_view name, std::string_view bytes) = 0;
  virtual void failed_section(std::string_view bundle_path, std::string_view name, const Error& error) = 0;

  // Whether an earlier helper of this collector hung on exactly this.
  virtual bool hung_before(std::string_view what) const = 0;

  // Reads the file and stores it as an artifact or its failure. False when it failed, or hung before.
  bool file(std::string_view artifact_path, const std::string& file, Redact redact = Redact::kAuto,
            size_t limit = 16u << 20);
};

struct GatherContext {
  const TargetIdentity* target = nullptr;  // null when no process was asked for (checklist, host only)
  const RunOptions& options;
  Reading reading = Reading::kFirst;
  Deadline deadline;  // of this collector
  // Names that hung an earlier helper of this same collector, in order: everything up to and including the last of them
  // was already tried; go on behind it.
  std::vector<std::string> hung;
  Sink& out;
  FdLinks* fd_links = nullptr;          // null: nobody shares
  ProfileTurn* profile_turn = nullptr;  // null: nobody else takes a CPU profile
};

struct Collector {
  std::string_view name;     // stable key: manifest, --only
  std::string_view summary;  // one line
  std::string_view source;   // "/proc/PID/maps, proc(5)"
  int volatility;            // 1 changes fastest; rows stand in this order within their lane, checked when compiling
  Tier tier;
  Lane lane;
  std::chrono::milliseconds budget;
  uint64_t byte_limit;
  std::string_view privileges;  // what it wants, "" = none: "CAP_SYS_PTRACE for other users' processes"
  std::string_view redacts;     // what it must redact, "" = nothing
  bool two_readings;
  bool needs_target;
  bool slow;  // runs on after the first page is shown
  void (*gather)(GatherContext&);
  // Fills its part of the snapshot from the raw bytes. Called after each reading: sets, never adds.
  void (*parse)(const RawStore&, Snapshot&);
  std::string_view shown_through{};  // the collector without which nobody sees what this one found
  enum class Cores { kNo, kAlso, kOnly } cores = Cores::kNo;  // whether it reads core files, beside live processes
  bool applies(bool to_core) const { return to_core ? cores != Cores::kNo : cores != Cores::kOnly; }
};

// All collectors in running order.
std::span<const Collector> collector_table();
// `names` and those that they are shown through.
std::vector<std::string> with_companions(std::vector<std::string> names);

// Reads a file that is not seekable or has no size (proc, sysfs): up to `limit` bytes; truncated content is an error of
// kind truncated only when `limit` cut it. Errors: sys_error with `file` as place.
Result<std::string> read_file(const std::string& file, size_t limit = 16u << 20);
// readlink(2).
Result<std::string> read_link(const std::string& link);
// The smallest fix for an error on this kind of source, e.g. "run as root or with CAP_SYS_PTRACE"; "" when there is
// none.
std::string fix_for(const Error& error, std::string_view source);

}  // namespace ec
