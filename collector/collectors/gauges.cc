#include "collector/collectors/gauges.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>

#include "collector/base/directory_entries.h"
#include "collector/base/text.h"
#include "collector/collectors/go_target.h"
#include "collector/collectors/host_constants.h"
#include "collector/collectors/process.h"
#include "collector/collectors/process_files.h"
#include "collector/collectors/sample_plan.h"
#include "collector/proc/cgroup_mounts.h"
#include "collector/proc/pid_stat.h"
#include "collector/proc/proc_root.h"
#include "collector/proc/statm.h"
#include "collector/runtimes/goroutines.h"

namespace ec {

namespace {

constexpr std::string_view kBundle = "raw/gauges.bundle";
constexpr const char* kCgroupFiles[] = {"memory.current", "memory.usage_in_bytes"};

// Since Linux 6.2 the size of the directory is how many there are (fs/proc/fd.c); before, it is 0.
std::optional<uint64_t> open_descriptors(const std::string& directory) {
  UniqueFd fd(open((directory + "/fd").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return std::nullopt;
  struct stat status {};
  if (fstat(fd.get(), &status) == 0 && status.st_size > 0) return static_cast<uint64_t>(status.st_size);
  uint64_t count = 0;
  int problem = each_directory_entry(fd.get(), [&](std::string_view) { return ++count > 0; });
  return problem == 0 ? std::optional(count) : std::nullopt;
}

// Of the cgroup that limits or counts its memory; nothing when there is none that can be seen.
std::optional<ProcRoot> memory_cgroup(int pid) {
  auto text = read_file(fmt::format("/proc/{}/cgroup", pid)), mount_text = read_file("/proc/self/mountinfo");
  if (!text || !mount_text) return std::nullopt;
  auto entries = parse_pid_cgroup("cgroup", *text);
  auto mounts = parse_mountinfo("mountinfo", *mount_text);
  if (!entries || !mounts) return std::nullopt;
  for (const CgroupEntry& entry : *entries) {
    auto levels = cgroup_levels(entry, *mounts);
    auto directory = levels.empty() ? fail(ErrorCode::kNotFound, "", "") : ProcRoot::open(levels.front().directory);
    if (!directory) continue;
    for (const char* file : kCgroupFiles)
      if (faccessat(directory->fd(), file, R_OK, 0) == 0) return std::move(*directory);
  }
  return std::nullopt;
}

// What is looked at in each sample; found once.
class Gauged {
 public:
  explicit Gauged(GatherContext& context)
      : context_(context),
        directory_(live_directory(*context.target)),
        cgroup_(memory_cgroup(context.target->pid)),
        go_(open_go_target(context).value_or(std::nullopt)) {}

  // Errors: those of /proc/PID/stat, which say that it ended.
  Result<void> store(int number) {
    auto stat = read_file(directory_ + "/stat");
    if (!stat) return tl::unexpected(stat.error());
    add(number, "stat", *stat);
    if (auto statm = read_file(directory_ + "/statm")) add(number, "statm", *statm);
    if (auto count = open_descriptors(directory_)) add(number, "fd", std::to_string(*count));
    for (const char* file : kCgroupFiles)
      if (auto bytes = cgroup_ ? cgroup_->read(std::string(file), 64) : fail(ErrorCode::kNotFound, "", ""))
        add(number, file, *bytes);
    if (go_)
      if (auto count = count_goroutines(go_->program, *go_->memory)) add(number, "goroutines", std::to_string(*count));
    return {};
  }
  void add(int number, std::string_view name, std::string_view bytes) {
    context_.out.section(kBundle, fmt::format("{}/{}", number, name), bytes);
  }

 private:
  GatherContext& context_;
  std::string directory_;
  std::optional<ProcRoot> cgroup_;
  std::optional<GoTarget> go_;
};

}  // namespace

void gather_gauges(GatherContext& context) {
  const RunOptions& options = context.options;
  if (options.samples < 2) return;
  context.out.section(kBundle, kPlanSection, sample_plan_text(options));
  Gauged gauged(context);
  SamplePace pace(context);
  while (auto sample = pace.next()) {
    if (auto stored = gauged.store(sample->number); !stored) {
      context.out.failed_section(kBundle, fmt::format("{}/stat", sample->number), stored.error());
      break;
    }
    gauged.add(sample->number, "at", std::to_string(sample->at_ns));
    context.out.touch("the next sample", true);  // flushes: what was sampled survives
  }
  if (!no_memory_reason(*context.target).empty()) return;
  context.reading = Reading::kLast;
  store_process_file(context, {"maps", Redact::kText}, true, true);
}

namespace {

void set(GaugeSample& sample, Gauge gauge, double value) { sample.value[static_cast<size_t>(gauge)] = value; }

void take(std::string_view name, std::string_view bytes, double page_size, GaugeSample& sample) {
  auto number = parse_number<uint64_t>(trim(bytes));
  if (name == "at" && number) sample.at_ns = static_cast<int64_t>(std::min<uint64_t>(*number, INT64_MAX));
  if (name == "fd" && number) set(sample, Gauge::kDescriptors, static_cast<double>(*number));
  if (name == "heap_bytes" && number) set(sample, Gauge::kHeap, static_cast<double>(*number));
  if (name == "heap_objects" && number) set(sample, Gauge::kHeapObjects, static_cast<double>(*number));
  if (name == "goroutines" && number) set(sample, Gauge::kGoroutines, static_cast<double>(*number));
  if (name.starts_with("memory.") && number) set(sample, Gauge::kCgroupMemory, static_cast<double>(*number));
  if (name == "stat")
    if (auto stat = parse_pid_stat(name, bytes)) set(sample, Gauge::kThreads, static_cast<double>(stat->threads));
  if (name == "statm")
    if (auto statm = parse_statm(name, bytes)) {
      auto resident = static_cast<double>(statm->resident_pages), shared = static_cast<double>(statm->shared_pages);
      set(sample, Gauge::kRss, resident * page_size);
      set(sample, Gauge::kAnonymous, std::max(0.0, resident - shared) * page_size);
    }
}

}  // namespace

Part<GaugeSeries> parse_gauge_bundle(const RawStore& store, std::string_view bundle) {
  auto sections = store.whole_sections(bundle);
  if (!sections) return sections.error();
  GaugeSeries series;
  auto page_size = static_cast<double>(host_constants(store).page_size);
  std::map<uint64_t, GaugeSample> samples;
  for (const Section& section : *sections) {
    if (section.name == kPlanSection) {
      SamplePlan plan = parse_sample_plan(section.bytes);
      series.asked = plan.samples;
      series.every_ns = plan.every_ns;
    }
    size_t slash = section.name.find('/');
    auto number = parse_number<uint64_t>(section.name.substr(0, slash));
    if (slash == std::string_view::npos || !number) continue;
    take(section.name.substr(slash + 1), section.bytes, page_size, samples[*number]);
  }
  for (auto& [number, sample] : samples) series.samples.push_back(sample);
  return series;
}

void parse_gauges(const RawStore& store, Snapshot& snapshot) {
  snapshot.gauges = parse_gauge_bundle(store, kBundle);
  if (snapshot.gauges)
    snapshot.gauges->mappings =
        read_mappings(store, raw_path(Reading::kLast, process_path(snapshot.target.pid, "maps")));
}

}  // namespace ec
