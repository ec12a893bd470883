#include "collector/collectors/page_faults.h"

#include <unistd.h>

#include "collector/base/text.h"
#include "collector/collectors/sample_plan.h"
#include "collector/collectors/sampling.h"

namespace ec {

namespace {

constexpr std::string_view kBundle = "raw/page_faults.bundle", kNames = "raw/page_faults.json";
constexpr milliseconds kBetweenTakes{50}, kReserve{1500};

}  // namespace

void gather_page_faults(GatherContext& context) {
  if (context.options.samples < 2) return;
  const std::string source = fmt::format("perf_event_open of {}", context.target->pid);
  auto sampling = Sampling::open(context, kBundle, source);
  if (!sampling) return;
  context.out.touch("perf_event_open");
  if (auto started = sampling->sampler().start(sampling->threads(), SampledEvent::kPageFaults); !started) {
    SamplingRefusal refused = refusal_of(started.error());
    return context.out.failed(kBundle, source, refused.why, refused.fix);
  }
  sampling->cover_all();
  const auto page_size = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  const PerfEvents& events = *sampling->sampler().events();
  context.out.section(kBundle, kPlanSection,
                      fmt::format("event page-faults\nunit bytes\npage_size {}\nkernel {}\nthreads {}\nsampled {}\n"
                                  "stack_bytes {}\n",
                                  page_size, events.kernel() ? 1 : 0, sampling->threads().size(), events.threads(),
                                  events.stack_bytes()));
  SamplePace pace(context);
  Deadline until(context.deadline.at() - kReserve);
  auto meanwhile = [&] { sampling->sampler().take(); };
  while (auto sample = pace.next(until, {kBetweenTakes, meanwhile})) {
    sampling->cover_newcomers();
    context.out.section(kBundle, std::to_string(sample->number),
                        fmt::format("at {}\n", sample->at_ns) + sampling->lines(page_size));
    context.out.touch("the next page faults", true);  // flushes: what was sampled survives
  }
  sampling->store_names(kNames);
}

void parse_page_faults(const RawStore& store, Snapshot& snapshot) {
  snapshot.page_faults = parse_sampled(store, kBundle, kNames);
}

}  // namespace ec
