#include "collector/cli/baseline.h"

#include "collector/archive/store.h"
#include "collector/base/text.h"
#include "collector/cli/load_archive.h"
#include "collector/cli/options.h"

namespace ec {

namespace {

constexpr size_t kMostLastGood = 5, kMostArchives = 100;

Result<std::vector<std::string>> last_good(const std::string& directory, const Snapshot& now) {
  auto store = ArchiveStore::open(directory.empty() ? default_store_directory() : directory, false);
  if (!store) return tl::unexpected(store.error());
  auto all = store->list();
  if (!all) return tl::unexpected(all.error());
  auto unit = now.run.options.find("unit");
  std::vector<std::string> paths;
  for (const StoredArchive& archive : *all) {
    if (!archive.good() || paths.size() == kMostLastGood) continue;
    if (now.run.started_wall_ns != 0 && archive.started_wall_ns >= now.run.started_wall_ns) continue;
    if (same_program(archive, now.target.comm, now.target.exe, unit == now.run.options.end() ? "" : unit->second))
      paths.push_back(store->path_of(archive));
  }
  if (paths.empty())
    return fail(ErrorCode::kNotFound, store->directory(),
                fmt::format("no earlier archive of {} without a high finding", printable_line(now.target.comm, 40)));
  return paths;
}

}  // namespace

Result<Baseline> load_baseline(const std::vector<std::string>& names, const std::string& store, const Snapshot& now,
                               Deadline until) {
  std::vector<std::string> paths;
  for (const std::string& name : names) {
    if (name != kLastGood) {
      paths.push_back(name);
      continue;
    }
    auto good = last_good(store, now);
    if (!good) return tl::unexpected(good.error());
    paths.insert(paths.end(), good->begin(), good->end());
  }
  BaselineBuilder builder;
  for (size_t i = 0; i < std::min(paths.size(), kMostArchives) && !until.passed(); ++i) {
    auto archive = load_archive(paths[i]);
    if (!archive) return tl::unexpected(archive.error());
    builder.add(paths[i].substr(paths[i].rfind('/') + 1), figures(archive->snapshot));  // npos + 1 == 0
  }
  return std::move(builder).finish();
}

}  // namespace ec
