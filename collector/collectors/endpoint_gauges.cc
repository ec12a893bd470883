#include "collector/collectors/endpoint_gauges.h"

#include <algorithm>
#include <map>
#include <optional>
#include <thread>

#include "collector/base/text.h"
#include "collector/collectors/endpoint_recognise.h"
#include "collector/collectors/expvar.h"
#include "collector/collectors/gauges.h"
#include "collector/collectors/sample_plan.h"
#include "collector/profile/gzip.h"
#include "collector/profile/pprof.h"

namespace ec {

namespace {

constexpr std::string_view kBundle = "raw/runtime_gauges.bundle";
constexpr milliseconds kOneRequest{2000}, kHeapProfile{15'000};
constexpr double kSlowMs = 1000;                          // the server is in no state to be asked more often
constexpr size_t kLongestPath = 48, kMostPaths = 20'000;  // of a heap profile: larger ones are somebody's joke
constexpr size_t kIndexBytes = size_t{1} << 20;

struct Remembered {
  HttpAddress address;
  std::string folder, pprof_base, vars_path;
  bool has_heap = false;
};
std::optional<Remembered>& remembered() {
  static std::optional<Remembered> endpoint;
  return endpoint;
}

// One series of requests to one endpoint.
class Asked {
 public:
  Asked(GatherContext& context, const Remembered& endpoint) : context_(context), endpoint_(endpoint) {}

  // Errors: those of the first request that failed.
  Result<void> sample(int number) {
    if (!endpoint_.vars_path.empty()) {
      auto vars = get(endpoint_.vars_path, kOneRequest, size_t{16} << 20);
      if (!vars) return tl::unexpected(vars.error());
      auto expvar = parse_expvar("vars.json", vars->body);
      if (expvar && expvar->memstats) {
        add(number, "heap_bytes", std::to_string(expvar->memstats->heap_alloc));
        add(number, "heap_objects", std::to_string(expvar->memstats->heap_objects));
      }
    }
    if (!endpoint_.pprof_base.empty()) {
      auto index = get(endpoint_.pprof_base, kOneRequest, kIndexBytes);
      if (!index) return tl::unexpected(index.error());
      for (const ListedProfile& profile : parse_pprof_index(index->body))
        if (profile.name == "goroutine") add(number, "goroutines", std::to_string(profile.count));
    }
    return {};
  }

  void heap_profile() {
    if (!endpoint_.has_heap || slow_) return;
    std::string artifact = fmt::format("{}/{}", endpoint_.folder, kLastHeap);
    std::string path = endpoint_.pprof_base + "heap", source = "GET " + url_of(endpoint_.address, path);
    auto answer = get(path, kHeapProfile, kProfileBytes);
    if (!answer) return context_.out.failed(artifact, source, answer.error());
    auto checked = check_body(BodyType::kPprof, artifact, answer->body);
    if (checked)
      context_.out.artifact(artifact, source, answer->body, redaction_of(BodyType::kPprof));
    else
      context_.out.partial(artifact, source, answer->body, checked.error().message(), redaction_of(BodyType::kPprof));
  }

  void add(int number, std::string_view name, std::string_view bytes) {
    context_.out.section(kBundle, fmt::format("{}/{}", number, name), bytes);
  }
  bool slow() const { return slow_; }

 private:
  Result<HttpAnswer> get(const std::string& path, milliseconds total, size_t most_bytes) {
    context_.out.touch("GET " + url_of(endpoint_.address, path));
    total = std::min(total, milliseconds(context_.deadline.remaining_ms()));
    auto answer = http_get(endpoint_.address, path, {total, total, total, total, most_bytes});
    if (!answer) return answer;
    if (answer->broken) return tl::unexpected(*answer->broken);
    if (answer->status != 200) return fail(ErrorCode::kIo, path, status_words(*answer));
    slow_ = answer->took_ms > kSlowMs;
    return answer;
  }

  GatherContext& context_;
  const Remembered& endpoint_;
  bool slow_ = false;
};

using Path = std::vector<std::string>;  // innermost first
struct InUse {
  int64_t bytes = 0, objects = 0;
};

Result<std::map<Path, InUse>> in_use(std::string_view where, std::string_view served) {
  auto bytes = gunzip(where, served, kMostUnpackedPprof);
  if (!bytes) return tl::unexpected(bytes.error());
  auto profile = parse_pprof(where, *bytes);
  if (!profile) return tl::unexpected(profile.error());
  auto column = [&](std::string_view name) {
    const auto& types = profile->sample_types;
    auto found = std::find_if(types.begin(), types.end(),
                              [&](const PprofValueType& type) { return profile->strings[type.type] == name; });
    return found == types.end() ? std::optional<size_t>{} : static_cast<size_t>(found - types.begin());
  };
  auto space = column("inuse_space"), objects = column("inuse_objects");
  if (!space || !objects) return fail(ErrorCode::kMalformed, std::string(where), "expected a heap profile");
  std::map<Path, InUse> all;
  for (const PprofSample& sample : profile->samples) {
    Path path;
    for (uint32_t i = 0; i < sample.locations.count && path.size() < kLongestPath; ++i) {
      const PprofLocation& location = profile->locations[profile->stack[sample.locations.first + i]];
      for (uint32_t line = 0; line < location.lines.count; ++line)
        path.emplace_back(
            profile->strings[profile->functions[profile->lines[location.lines.first + line].function].name]);
    }
    if (all.size() == kMostPaths && !all.contains(path)) continue;
    InUse& sum = all[std::move(path)];
    sum.bytes += profile->values[sample.values.first + *space];
    sum.objects += profile->values[sample.values.first + *objects];
  }
  return all;
}

}  // namespace

void remember_for_gauges(const ProbedEndpoint& probed) {
  if (remembered()) return;
  Remembered endpoint{probed.address, probed.record.folder, "", "", false};
  for (const RecognisedKind& one : probed.kinds) {
    if (one.kind->name == "go-pprof") endpoint.pprof_base = one.base;
    if (one.kind->name == "expvar") endpoint.vars_path = one.base;
  }
  if (endpoint.pprof_base.empty() && endpoint.vars_path.empty()) return;
  for (const EndpointArtifact& artifact : probed.record.artifacts)
    endpoint.has_heap |= artifact.path == fmt::format("{}/{}", endpoint.folder, kFirstHeap) && artifact.status == "ok";
  remembered() = std::move(endpoint);
}

void gather_runtime_gauges(GatherContext& context) {
  const RunOptions& options = context.options;
  if (options.samples < 2 || !remembered()) return;
  Asked asked(context, *remembered());
  context.out.section(kBundle, kPlanSection, sample_plan_text(options));
  SamplePace pace(context);
  while (auto sample = pace.next()) {
    auto told = asked.sample(sample->number);
    if (!told) {
      context.out.failed_section(kBundle, std::to_string(sample->number), told.error());
      break;
    }
    asked.add(sample->number, "at", std::to_string(sample->at_ns));
    context.out.touch("the next sample", true);  // flushes: what was sampled survives
    context.out.touch("the next sample");
    if (asked.slow()) break;
  }
  asked.heap_profile();
}

void parse_runtime_gauges(const RawStore& store, Snapshot& snapshot) {
  snapshot.runtime_gauges = parse_gauge_bundle(store, kBundle);
  if (!snapshot.runtime_gauges) return;
  for (const std::string& path : store.list("profiles/")) {
    if (!path.ends_with("/" + std::string(kLastHeap))) continue;
    auto last = store.read(path);
    auto first = store.read(path.substr(0, path.rfind('/') + 1) + std::string(kFirstHeap));
    auto grown = first && last ? grown_allocations(*first, *last, 20) : fail(ErrorCode::kNotFound, path, "");
    if (!grown) continue;
    snapshot.runtime_gauges->allocations = std::move(*grown);
    snapshot.runtime_gauges->allocations_artifact = path;
    return;
  }
}

Result<std::vector<GrownAllocation>> grown_allocations(std::string_view first, std::string_view last, size_t most) {
  auto before = in_use(kFirstHeap, first), after = in_use(kLastHeap, last);
  if (!before || !after) return tl::unexpected(before ? after.error() : before.error());
  std::vector<GrownAllocation> grown;
  for (const auto& [path, now] : *after) {
    auto then = before->find(path);
    InUse was = then == before->end() ? InUse{} : then->second;
    if (now.bytes > was.bytes) grown.push_back({path, now.bytes - was.bytes, now.objects - was.objects});
  }
  std::stable_sort(grown.begin(), grown.end(), [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
  if (grown.size() > most) grown.resize(most);
  return grown;
}

}  // namespace ec
