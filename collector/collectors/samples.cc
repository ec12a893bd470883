#include "collector/collectors/samples.h"

#include <fcntl.h>

#include <algorithm>
#include <unordered_map>

#include "collector/base/text.h"
#include "collector/collectors/added_names.h"
#include "collector/collectors/sample_plan.h"
#include "collector/collectors/stacks.h"
#include "collector/target/task_dir.h"

namespace ec {

namespace {

constexpr std::string_view kBundle = "raw/samples.bundle", kNames = "raw/samples.json";
constexpr milliseconds kOneDump{3000};
constexpr size_t kMostStacks = 200'000;

uint64_t run_ns(TaskDir& tasks, pid_t tid) {
  auto text = tasks.read(tid, "schedstat");
  return text ? FieldCursor(*text).number<uint64_t>().value_or(0) : 0;
}

// Stacks of all samples, each once.
class Interned {
 public:
  // Its number, and its program counters when it is new.
  std::pair<uint32_t, const PcStack*> add(PcStack stack) {
    std::string key;
    for (const PcFrame& frame : stack.frames) key.append(reinterpret_cast<const char*>(&frame.pc), sizeof frame.pc);
    auto [place, fresh] = known_.emplace(std::move(key), static_cast<uint32_t>(all_.stacks.size()));
    if (fresh) all_.stacks.push_back(std::move(stack));
    return {place->second, fresh ? &all_.stacks.back() : nullptr};
  }
  bool full() const { return all_.stacks.size() >= kMostStacks; }
  // Libraries may be loaded meanwhile: the last list of modules has them all, but for what was unloaded.
  void take_modules(StackDump& dump) { all_.modules = std::move(dump.modules); }
  const StackDump& all() const { return all_; }

 private:
  StackDump all_;
  std::unordered_map<std::string, uint32_t> known_;
};

std::string section_of(StackDump& dump, int64_t at_ns, TaskDir& tasks, Interned& interned) {
  std::string text = fmt::format("at {}\ncost {} {} {} {}\n", at_ns, dump.stop_ns, dump.worst_thread_ns,
                                 dump.threads_stopped, dump.calls_interrupted);
  std::vector<uint32_t> numbers;
  for (PcStack& stack : dump.stacks) {
    auto [number, fresh] = interned.add(std::move(stack));
    numbers.push_back(number);
    if (!fresh) continue;
    text += fmt::format("stack {}", number);
    for (const PcFrame& frame : fresh->frames) text += fmt::format(" {:x}", frame.pc);
    text += '\n';
  }
  for (const DumpedThread& thread : dump.threads)
    text += fmt::format("thread {} {} {}\n", thread.tid,
                        thread.stack ? static_cast<int64_t>(numbers[*thread.stack]) : int64_t{-1},
                        run_ns(tasks, thread.tid));
  return text;
}

void store_names(GatherContext& context, const Interned& interned, const std::string& source) {
  if (!interned.all().modules) return;
  context.out.touch("names");
  UniqueFd root(open(fmt::format("/proc/{}/root", context.target->live_tid).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  Deadline until = context.deadline.after_share(0.8);
  JitFrames jit = name_jit_frames(interned.all(), context.target->live_tid, root.get(), until);
  NamedStacks named = name_frames(interned.all(), root.get(), until, {}, jit);
  context.out.artifact(kNames, source, stacks_json(interned.all(), named, context.options.stacks, milliseconds(0)),
                       Redact::kNothing);
}

}  // namespace

void gather_samples(GatherContext& context) {
  const RunOptions& options = context.options;
  if (options.samples < 2) return;
  const TargetIdentity& target = *context.target;
  const std::string source = fmt::format("/proc/{0}/task, process_vm_readv and ptrace of {0}", target.pid);
  if (options.stacks == StackMode::kNone || options.stacks == StackMode::kKernel)
    return context.out.failed(kBundle, source, Error{ErrorCode::kSkipped, "", "--stacks leaves out the user stacks", 0},
                              "--stacks auto");
  auto tasks = TaskDir::open(target.pid);
  if (!tasks) return context.out.failed(kBundle, source, tasks.error(), fix_for(tasks.error(), source));
  context.out.section(kBundle, kPlanSection, sample_plan_text(options));

  DumpRequest request;
  request.pid = target.pid;
  request.live_tid = target.live_tid > 0 ? target.live_tid : target.pid;
  request.mode = options.stacks == StackMode::kNoStop ? DumpMode::kNoStop : DumpMode::kAuto;
  request.max_pause = options.max_pause;
  request.debug_directories = options.debug_directories;
  request.restart_interrupted = options.restart_interrupted;
  // Names take their share of the time that is left.
  Deadline sampling(context.deadline.at() - std::min<nanoseconds>(milliseconds(2000), options.every));
  Interned interned;
  SamplePace pace(context);
  while (!interned.full()) {
    auto sample = pace.next(sampling);
    if (!sample) break;
    request.deadline = Deadline::in(kOneDump).earlier_of(sampling);
    auto dump = dump_stacks(request);
    if (!dump) {
      context.out.failed_section(kBundle, std::to_string(sample->number), dump.error());
      break;
    }
    context.out.section(kBundle, std::to_string(sample->number), section_of(*dump, sample->at_ns, *tasks, interned));
    context.out.touch("the next sample", true);  // flushes: what was sampled survives
    interned.take_modules(*dump);
  }
  store_names(context, interned, source);
}

Result<SampleText> parse_sample(std::string_view where, std::string_view text, size_t known) {
  SampleText result;
  LineCursor lines(where, text);
  while (auto line = lines.next()) {
    FieldCursor fields(*line);
    auto word = fields.word();
    if (word == "at") {
      result.sample.at_ns = fields.number<int64_t>().value_or(0);
    } else if (word == "cost") {
      auto stop = fields.number<int64_t>(), worst = fields.number<int64_t>();
      auto stopped = fields.number<int>(), interrupted = fields.number<int>();
      if (!stop || !worst || !stopped || !interrupted) return tl::unexpected(lines.expected("four numbers"));
      result.sample.cost = {*stop, *worst, *stopped, *interrupted};
    } else if (word == "stack") {
      auto number = fields.number<size_t>();
      if (number != known + result.new_stacks.size())
        return tl::unexpected(lines.expected("the next number of a stack"));
      auto& stack = result.new_stacks.emplace_back();
      while (auto pc = fields.word()) stack.push_back(parse_number<uint64_t>(*pc, 16).value_or(0));
    } else if (word == "thread") {
      auto tid = fields.number<int>();
      auto stack = fields.number<int64_t>();
      auto run = fields.number<uint64_t>();
      if (!tid || !stack || !run) return tl::unexpected(lines.expected("TID STACK RUN_NS"));
      ThreadSample thread{*tid, std::nullopt, *run};
      if (*stack >= 0 && static_cast<size_t>(*stack) < known + result.new_stacks.size())
        thread.stack = static_cast<uint32_t>(*stack);
      result.sample.threads.push_back(thread);
    }
  }
  return result;
}

void parse_samples(const RawStore& store, Snapshot& snapshot) {
  auto sections = store.whole_sections(kBundle);
  if (!sections) {
    snapshot.samples = sections.error();
    return;
  }
  SampleSeries series;
  std::vector<std::vector<uint64_t>> stacks;
  for (const Section& section : *sections) {
    if (section.name == kPlanSection) {
      SamplePlan plan = parse_sample_plan(section.bytes);
      series.asked = plan.samples;
      series.every_ns = plan.every_ns;
      continue;
    }
    auto sample = parse_sample(section.name, section.bytes, stacks.size());
    if (!sample) {
      snapshot.samples = sample.error();
      return;
    }
    for (auto& stack : sample->new_stacks) stacks.push_back(std::move(stack));
    series.samples.push_back(std::move(sample->sample));
  }
  if (auto names = store.read(kNames))
    if (auto named = parse_stacks_json(kNames, *names); named && named->stacks.size() == stacks.size()) {
      if (auto added = read_added_names(store)) put_names(*added, *named);
      series.frames = std::move(named->frames);
      series.stacks = std::move(named->stacks);
    }
  if (series.stacks.empty())  // the run ended before there were names
    for (const auto& stack : stacks) {
      Stack& plain = series.stacks.emplace_back();
      for (uint64_t pc : stack) {
        plain.frames.push_back(static_cast<uint32_t>(series.frames.size()));
        series.frames.emplace_back().pc = pc;
      }
    }
  snapshot.samples = std::move(series);
}

}  // namespace ec
