#include <unistd.h>

#include <cerrno>

#include "collector/archive/store.h"
#include "collector/archive/store_index.h"
#include "collector/base/clock.h"
#include "collector/base/text.h"
#include "collector/cli/commands.h"
#include "collector/cli/exit_code.h"
#include "collector/cli/print.h"
#include "collector/cli/terminal.h"
#include "collector/report/text_layout.h"

namespace ec {

namespace {

int list(ArchiveStore& store, bool json) {
  auto archives = store.list();
  if (!archives) {
    complain(archives.error());
    return kNothingCollected;
  }
  if (json) {
    print(stored_archives_json(*archives));
    return kComplete;
  }
  TextTable table({"STARTED", "PROGRAM", ">PID", "HOST", "WORST", ">SIZE", "NAME", "VERDICT"});
  for (const StoredArchive& one : *archives)
    table.row({rfc3339(one.started_wall_ns), one.comm, std::to_string(one.pid), one.host,
               one.verdict.empty() ? "unknown"
               : one.worst.empty() ? "none"
                                   : one.worst,
               human_bytes(static_cast<double>(one.bytes)), one.name, clip(one.verdict, 100)});
  print(archives->empty() ? fmt::format("no archives in {}\n", store.directory()) : table.text());
  return kComplete;
}

int get(ArchiveStore& store, const StoreRequest& request) {
  auto archive = store.find(request.names.front());
  if (!archive) {
    complain(archive.error());
    return kNothingCollected;
  }
  bool to_output = request.output == "-";
  if (to_output && terminal_of(STDOUT_FILENO).is_terminal) {
    complain("-o - would write the archive to the terminal; pipe it or give a file");
    return kUsage;
  }
  auto copied = store.copy_out(*archive, request.output, STDOUT_FILENO);
  if (!copied) {
    complain(copied.error());
    return kNothingCollected;
  }
  if (!to_output) print(*copied + "\n");
  return kComplete;
}

int garbage(ArchiveStore& store, const StoreRequest& request) {
  auto removed = store.collect_garbage(request.retention, wall_clock_ns(), request.dry_run);
  if (!removed) {
    complain(removed.error());
    return kNothingCollected;
  }
  uint64_t bytes = 0;
  for (const StoredArchive& one : removed->archives) {
    print(fmt::format("{} {}\n", request.dry_run ? "would remove" : "removed", one.name));
    bytes += one.bytes;
  }
  print(fmt::format("{} archives, {}\n", removed->archives.size(), human_bytes(static_cast<double>(bytes))));
  for (const Error& problem : removed->problems) complain(problem);
  return removed->problems.empty() ? kComplete : kPartialArchive;
}

// Each by itself: one that fails does not keep the others. `act` gives the error, if any.
template <class Act>
int each_name(const std::vector<std::string>& names, Act act) {
  size_t failed = 0;
  for (const std::string& name : names)
    if (auto problem = act(name)) {
      complain(*problem);
      ++failed;
    }
  return failed == 0 ? kComplete : failed < names.size() ? kPartialArchive : kNothingCollected;
}

}  // namespace

int run_command(const StoreRequest& request) {
  using Action = StoreRequest::Action;
  const std::string directory = request.store.empty() ? default_store_directory() : request.store;
  auto store = ArchiveStore::open(directory, request.action == Action::kPut);
  // Before the first archive there is nothing to list: no mistake of anybody.
  bool untouched = !store && store.error().sys_errno == ENOENT && request.store.empty();
  if (untouched && (request.action == Action::kList || request.action == Action::kGarbage)) {
    print(request.json ? stored_archives_json({})
                       : fmt::format("no archives: {} does not exist yet; a run with --keep makes it\n", directory));
    return kComplete;
  }
  if (!store) {
    complain(store.error());
    return kNothingCollected;
  }
  switch (request.action) {
    case Action::kList:
      return list(*store, request.json);
    case Action::kPut:
      return each_name(request.names, [&](const std::string& file) -> std::optional<Error> {
        auto name = store->put(file);
        if (!name) return name.error();
        print(*name + "\n");
        return std::nullopt;
      });
    case Action::kGet:
      return get(*store, request);
    case Action::kRemove:
      return each_name(request.names, [&](const std::string& name) -> std::optional<Error> {
        auto removed = store->remove(name);
        return removed ? std::nullopt : std::optional(removed.error());
      });
    case Action::kGarbage:
      return garbage(*store, request);
  }
  return kUsage;
}

}  // namespace ec
