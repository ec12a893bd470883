#include "collector/collectors/sampling.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "collector/base/text.h"
#include "collector/collectors/stacks.h"

namespace ec {

namespace {

constexpr int kMostRounds = 5;

using Out = std::back_insert_iterator<std::string>;

void write_frames(std::string& text, std::string_view word, size_t number, const std::vector<uint64_t>& pcs) {
  fmt::format_to(Out(text), "{} {}", word, number);
  for (uint64_t pc : pcs) fmt::format_to(Out(text), " {:x}", pc);
  text += '\n';
}

}  // namespace

SamplingRefusal refusal_of(Error error) {
  if (error.sys_errno == EACCES) {
    if (auto paranoid = read_file("/proc/sys/kernel/perf_event_paranoid", 32))
      error.detail +=
          fmt::format("{}kernel.perf_event_paranoid is {}", error.detail.empty() ? "" : "; ", trim(*paranoid));
    return {error,
            "run as root or with CAP_PERFMON, or sysctl kernel.perf_event_paranoid=2 for processes of one's own"};
  }
  if (error.sys_errno == EPERM)
    return {error,
            "run it where no seccomp filter forbids perf_event_open: on the host, or in a container with CAP_PERFMON"};
  if (error.sys_errno == ENOSYS) return {error, "a kernel with CONFIG_PERF_EVENTS"};
  if (error.sys_errno == EMFILE) return {error, "raise the limit of open files (ulimit -n)"};
  return {error, ""};
}

std::optional<Sampling> Sampling::open(GatherContext& context, std::string_view bundle, const std::string& source) {
  const RunOptions& options = context.options;
  const TargetIdentity& target = *context.target;
  auto tasks = TaskDir::open(target.pid);
  if (!tasks) {
    context.out.failed(bundle, source, tasks.error(), fix_for(tasks.error(), source));
    return std::nullopt;
  }
  DumpRequest request;
  request.pid = target.pid;
  request.live_tid = target.live_tid > 0 ? target.live_tid : target.pid;
  request.mode = DumpMode::kNoStop;
  request.debug_directories = options.debug_directories;
  request.may_try = [&context](const std::string& what) {
    if (std::find(context.hung.begin(), context.hung.end(), what) != context.hung.end()) return false;
    context.out.touch(what, what.starts_with("file "));
    return true;
  };
  auto sampler = CpuSampler::open(request);
  if (!sampler) {
    context.out.failed(bundle, source, sampler.error(), fix_for(sampler.error(), source));
    return std::nullopt;
  }
  Sampling sampling(context, std::move(*tasks), std::move(request), std::move(*sampler));
  std::string root = fmt::format("/proc/{}/root", sampling.request_.live_tid);
  sampling.root_.reset(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  return sampling;
}

std::vector<pid_t> Sampling::threads() {
  auto listed = tasks_.list();
  return listed ? *listed : std::vector<pid_t>{};
}

bool Sampling::cover_newcomers() {
  PerfEvents* events = sampler_->events();
  auto tids = tasks_.list();
  if (!events || !tids || events->out_of_descriptors()) return false;
  sampler_->take();
  size_t before = events->threads();
  events->add(*tids);
  return events->threads() > before;
}

void Sampling::cover_all() {
  for (int round = 0; round < kMostRounds && cover_newcomers(); ++round) continue;
}

std::string Sampling::lines(uint64_t unit) {
  sampler_->take();
  CpuSampler::Harvest harvest = sampler_->harvest();
  std::string text;
  for (auto [word, count] : {std::pair{"lost", harvest.lost},
                             {"cut", harvest.cut},
                             {"unkept", harvest.unkept},
                             {"elsewhere", harvest.elsewhere}})
    if (count > 0) fmt::format_to(Out(text), "{} {}\n", word, count);
  const auto& stacks = sampler_->dump().stacks;
  for (; stacks_written_ < stacks.size(); ++stacks_written_) {
    std::vector<uint64_t> pcs;
    for (const PcFrame& frame : stacks[stacks_written_].frames) pcs.push_back(frame.pc);
    write_frames(text, "stack", stacks_written_, pcs);
  }
  const auto& chains = sampler_->chains();
  for (; chains_written_ < chains.size(); ++chains_written_)
    write_frames(text, "chain", chains_written_, chains[chains_written_]);
  for (const CpuSamples& each : harvest.samples)
    fmt::format_to(Out(text), "sample {} {} {} {} {}\n", each.tid, each.stack, each.chain, each.count,
                   each.weight * unit);
  return text;
}

void Sampling::store_names(std::string_view path) {
  context_->out.touch("names");
  const StackDump& dump = sampler_->dump();
  Deadline until = context_->deadline.after_share(0.8);
  const auto& directories = request_.debug_directories;
  JitFrames jit = name_jit_frames(dump, request_.live_tid, root_.get(), until);
  NamedStacks named = name_frames(dump, root_.get(), until, directories, jit);
  if (context_->options.lines) add_lines(dump, root_.get(), until, directories, named);
  context_->out.artifact(path, fmt::format("files of /proc/{}/maps", request_.pid),
                         stacks_json(dump, named, StackMode::kNoStop, milliseconds(0)), Redact::kNothing);
}

}  // namespace ec
