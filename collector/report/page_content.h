// What the first page says, before it becomes Markdown or terminal lines: both show the same.
#pragma once

#include <string>
#include <vector>

#include "collector/analysis/cpu_time.h"
#include "collector/analysis/file_classes.h"
#include "collector/report/page.h"

namespace ec {

struct PageFinding {
  const Finding* finding = nullptr;
  std::vector<std::string> commands;  // of the runbook, with the target's pid put in
  bool has_runbook = false;
};

struct PageStack {
  uint64_t count = 0;
  std::string doing;                // of an example: "waits in futex(…)"
  std::string names;                // "worker-1, worker-2 and 996 more"
  std::vector<std::string> frames;  // innermost first
  size_t more_frames = 0;
};

// What a runtime runs on threads, or calls its threads.
struct PageTasks {
  std::string heading, one;  // "Goroutines", "goroutine"
  std::string artifact;      // that has all of them
  uint64_t count = 0;        // 0: the target has no such runtime
  std::string states{};      // "40 chan receive, 3 semacquire"
  size_t groups = 0;
  std::vector<PageStack> stacks{};  // the largest ones
};

// A figure that is higher (or worse) than in the archives of --baseline.
struct PageUnusual {
  Severity severity = Severity::kLow;
  std::string words, suggestion;
};

struct PageContent {
  std::string headline;            // "redis-server (pid 42) on host7"
  std::vector<std::string> facts;  // of the target: "Redis 7.0.15", "unit redis-server.service", "running for 3 d 4 h"
  std::string command;             // the target's command line, redacted; "" when it has none or it is not known
  std::string taken;               // "2026-11-20T21:46:38Z, 0.4 s"
  std::string verdict;
  std::vector<PageFinding> findings;
  size_t baseline_archives = 0;  // 0: no --baseline
  std::vector<PageUnusual> unusual;
  std::vector<Figure> figures;
  std::string rates_over;  // "0.3 s": between the readings; "" when there is one reading
  uint64_t threads = 0;
  size_t groups = 0;
  std::vector<PageStack> stacks;  // the largest ones
  PageTasks goroutines{"Goroutines", "goroutine", "threads/goroutines.txt"};
  PageTasks java_threads{"Java threads", "Java thread", "threads/java.txt"};
  CpuWords cpu;  // of a CPU profile taken from outside
  uint64_t open_files = 0;
  std::vector<FileClass> classes;
  std::vector<std::string> last_errors;
  std::vector<std::string> profiles;  // "http://127.0.0.1:6060: heap, goroutine (profiles/…)"
  std::vector<NotExamined> not_examined;
  std::vector<std::string> cost;
};
// All strings are plain lines (text_layout.h).
PageContent page_content(const Page& page);

// page_goroutines.cc: what it says of a Go program.
void add_goroutines(const Snapshot& snapshot, PageContent& content);
// page_endpoints.cc: what each place said and gave, a line for each thing.
std::vector<std::string> endpoint_lines(const std::vector<Endpoint>& endpoints);
// page_java.cc: of a JVM.
void add_java_threads(const Snapshot& snapshot, PageContent& content);

// What stands for the variables of a runbook's commands, so that they can be pasted.
struct CommandPlaces {
  int pid = 0;           // $PID; 0 leaves it: of a core file, whose process is gone and whose number may be another's
  std::string endpoint;  // $ENDPOINT, where its profiles are: "http://127.0.0.1:6060"; "" leaves it
};
CommandPlaces command_places(const Snapshot& snapshot);
std::string filled_in(std::string text, const CommandPlaces& places);

}  // namespace ec
