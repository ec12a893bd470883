#include "collector/stacks/cpu_sampler.h"

#include <algorithm>

namespace ec {

namespace {

// 32 MiB of frames; and what is beyond so many of one stack is recursion.
constexpr size_t kMostFramesKept = (size_t{32} << 20) / sizeof(PcFrame), kMostFramesOfOne = 1024;
constexpr size_t kMostChains = 32 * 1024;
constexpr milliseconds kBetweenLooks{100};

}  // namespace

Result<std::unique_ptr<CpuSampler>> CpuSampler::open(const DumpRequest& request) {
  auto space = read_address_space(request.pid, request.live_tid);
  if (!space) return tl::unexpected<Error>(space.error());
  std::unique_ptr<CpuSampler> sampler(new CpuSampler(request));
  auto may_open = [may_try = request.may_try](const std::string& path) {
    return !may_try || may_try(path.empty() ? "code of programs" : "file " + path);
  };
  sampler->dump_.modules = std::make_unique<Modules>(request.live_tid, std::move(*space), may_open);
  sampler->dump_.modules->search_debug_files(request.debug_directories);
  sampler->unwinder_ = std::make_unique<Unwinder>(*sampler->dump_.modules);
  return sampler;
}

Result<void> CpuSampler::start(const std::vector<pid_t>& tids, SampledEvent event) {
  event_ = event;
  auto events = PerfEvents::open(pid_, tids, event);
  if (!events) return tl::unexpected<Error>(events.error());
  events_ = std::move(*events);
  return {};
}

// Libraries are loaded, and code is made, while it runs.
void CpuSampler::look_again() {
  if (Clock::now() - looked_ < kBetweenLooks) return;
  looked_ = Clock::now();
  mapped_anew_ = false;
  if (auto space = read_address_space(pid_, live_tid_)) dump_.modules->update(std::move(*space));
}

int64_t CpuSampler::keep(PcStack stack) {
  size_t stacks = dump_.stacks.size(), frames = stack.frames.size();
  if (frames_kept_ + frames > kMostFramesKept) return -1;
  uint32_t number = pool_.add(std::move(stack));
  if (dump_.stacks.size() > stacks) frames_kept_ += frames;
  return number;
}

int64_t CpuSampler::stack_of(const PerfSample& sample) {
  if (sample.registers.pc() == 0) return -1;
  if (mapped_anew_ || !dump_.modules->executable(sample.registers.pc())) look_again();
  // Nothing but what the kernel copied is of the moment of the sample.
  PcStack stack = unwinder_->unwind(sample.registers, {sample.stack}, kMostFramesOfOne);
  if (sample.stack_cut && stack.end != StackEnd::kRoot) ++harvest_.cut;
  int64_t number = keep(std::move(stack));
  if (number < 0) ++harvest_.unkept;
  return number;
}

int64_t CpuSampler::chain_of(const std::vector<uint64_t>& frames) {
  if (frames.empty()) return -1;
  auto known = chain_numbers_.find(frames);
  if (known != chain_numbers_.end()) return known->second;
  if (chains_.size() >= kMostChains) return -1;
  auto number = static_cast<int64_t>(chains_.size());
  chain_numbers_.emplace(frames, number);
  chains_.push_back(frames);
  return number;
}

bool CpuSampler::makes_memory(uint64_t address) {
  const Region* region = dump_.modules->space().find(address);
  if (!region) {
    look_again();
    region = dump_.modules->space().find(address);
  }
  return !region || region->inode == 0 || region->writable;
}

void CpuSampler::take(const PerfSample& sample) {
  if (sample.pid != pid_) {
    ++harvest_.elsewhere;
    return;
  }
  if (event_ == SampledEvent::kPageFaults && !makes_memory(sample.address)) return;
  int64_t stack = stack_of(sample), chain = chain_of(sample.kernel_frames);
  CpuSamples& counted = counts_[{sample.tid, stack, chain}];
  counted.tid = sample.tid;
  counted.stack = stack;
  counted.chain = chain;
  ++counted.count;
  counted.weight += sample.period;
}

void CpuSampler::take() {
  if (!events_) return;
  events_->drain([this](const PerfRecord& record) {
    if (auto* sample = std::get_if<PerfSample>(&record)) take(*sample);
    if (auto* lost = std::get_if<PerfLost>(&record)) harvest_.lost += lost->records;
    if (std::holds_alternative<PerfMapped>(record)) mapped_anew_ = true;
  });
}

CpuSampler::Harvest CpuSampler::harvest() {
  Harvest result = std::move(harvest_);
  harvest_ = {};
  result.samples.reserve(counts_.size());
  for (const auto& each : counts_) result.samples.push_back(each.second);
  counts_.clear();
  return result;
}

}  // namespace ec
