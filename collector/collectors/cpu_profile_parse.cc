#include <algorithm>

#include "collector/base/text.h"
#include "collector/collectors/added_names.h"
#include "collector/collectors/cpu_profile.h"
#include "collector/collectors/sampling.h"
#include "collector/collectors/stacks.h"

namespace ec {

namespace {

constexpr std::string_view kBundle = "raw/cpu_profile.bundle", kNames = "raw/cpu_profile.json";
constexpr std::string_view kKernel = "[kernel]", kNoKernelNames = "no name in /proc/kallsyms (kernel.kptr_restrict?)";

std::optional<uint32_t> index_below(std::optional<int64_t> number, size_t count) {
  if (!number || *number < 0 || static_cast<uint64_t>(*number) >= count) return std::nullopt;
  return static_cast<uint32_t>(*number);
}

// Each address becomes a frame of its own until there are names.
Stack plain_stack(FieldCursor& addresses, std::vector<Frame>& frames) {
  Stack stack;
  while (auto pc = addresses.word()) {
    stack.frames.push_back(static_cast<uint32_t>(frames.size()));
    frames.emplace_back().pc = parse_number<uint64_t>(*pc, 16).value_or(0);
  }
  return stack;
}

}  // namespace

Result<void> CpuProfileText::take_plan(std::string_view text) {
  // After a hang the collector begins anew, behind what was stored before.
  profile = {};
  readings_.clear();
  LineCursor lines("plan", text);
  while (auto line = lines.next()) {
    FieldCursor fields(*line);
    auto name = fields.word();
    std::string words = printable_line(trim(fields.rest()), 400);
    uint64_t number = parse_number<uint64_t>(words).value_or(0);
    if (name == "hz") profile.hz = static_cast<unsigned>(std::min<uint64_t>(number, 1'000'000));
    if (name == "asked_ns") profile.asked_ns = number;
    if (name == "threads") profile.threads = number;
    if (name == "sampled") profile.sampled_threads = number;
    if (name == "stack_bytes") profile.stack_bytes = number;
    if (name == "kernel") profile.kernel = number != 0;
    if (name == "event") profile.event = words;
    if (name == "unit") profile.unit = words;
    if (name == "refused") profile.refused = words;
    if (name == "fix") profile.fix = words;
  }
  return {};
}

Result<void> CpuProfileText::take_kernel(std::string_view text) {
  std::map<uint64_t, std::string> names;
  LineCursor lines("kernel", text);
  while (auto line = lines.next()) {
    FieldCursor fields(*line);
    auto address = fields.number<uint64_t>(16);
    if (!address) return tl::unexpected(lines.expected("ADDRESS NAME"));
    names[*address] = printable_line(trim(fields.rest()), 200);
  }
  for (const Stack& chain : profile.chains)
    for (uint32_t index : chain.frames) {
      Frame& frame = profile.frames[index];
      if (auto name = names.find(frame.pc); name != names.end()) {
        frame.symbol = name->second;
        frame.unknown_reason.clear();
      }
    }
  return {};
}

bool CpuProfileText::take_line(std::string_view line, uint64_t at_ns) {
  FieldCursor fields(line);
  auto word = fields.word().value_or("");
  if (word == "cpu" || word == "lost" || word == "cut" || word == "unkept" || word == "elsewhere") {
    auto number = fields.number<uint64_t>();
    if (!number) return false;
    if (word == "cpu")
      profile.cpu_ns = std::max(profile.cpu_ns, *number);
    else
      (word == "lost"     ? profile.lost
       : word == "cut"    ? profile.cut
       : word == "unkept" ? profile.unkept
                          : profile.elsewhere) += *number;
  } else if (word == "target") {
    profile.target_ended = true;
  } else if (word == "stack" || word == "chain") {
    auto& stacks = word == "stack" ? profile.stacks : profile.chains;
    if (fields.number<size_t>() != stacks.size()) return false;
    stacks.push_back(plain_stack(fields, profile.frames));
    if (word == "chain")
      for (uint32_t index : stacks.back().frames) {
        profile.frames[index].module = kKernel;
        profile.frames[index].unknown_reason = kNoKernelNames;
      }
  } else if (word == "sample") {
    auto tid = fields.number<int>();
    auto stack = fields.number<int64_t>(), chain = fields.number<int64_t>();
    auto count = fields.number<uint64_t>(), weight = fields.number<uint64_t>();
    if (!tid || !stack || !chain || !count || !weight) return false;
    profile.spent.push_back(
        {*tid, index_below(stack, profile.stacks.size()), index_below(chain, profile.chains.size()), *count, *weight});
    profile.samples += *count;
    profile.weight += *weight;
  } else if (word == "thread") {
    auto tid = fields.number<int>();
    auto run = fields.number<uint64_t>(), delay = fields.number<uint64_t>();
    auto stack = fields.number<int64_t>();
    if (!tid || !run || !delay || !stack) return false;
    auto [before, first] = readings_.try_emplace(*tid, Reading{at_ns, *run, *delay});
    Reading now{at_ns, *run, *delay};
    // Counters that go back are those of another thread with its number.
    if (!first && at_ns > before->second.at_ns && *run >= before->second.run_ns && *delay >= before->second.delay_ns)
      profile.waited.push_back({*tid, index_below(stack, profile.stacks.size()), at_ns - before->second.at_ns,
                                *run - before->second.run_ns, *delay - before->second.delay_ns});
    before->second = now;
  }
  return true;
}

Result<void> CpuProfileText::take_second(std::string_view name, std::string_view text) {
  LineCursor lines(name, text);
  auto first = lines.next();
  FieldCursor fields(first.value_or(""));
  auto word = fields.word();
  auto at = fields.number<uint64_t>();
  if (word != "at" || !at) return tl::unexpected(lines.expected("\"at\" and nanoseconds"));
  profile.span_ns = std::max(profile.span_ns, *at);
  while (auto line = lines.next())
    if (!take_line(*line, *at)) return tl::unexpected(lines.expected("the numbers that belong to its first word"));
  return {};
}

Result<void> CpuProfileText::take(std::string_view name, std::string_view text) {
  if (name == "plan") return take_plan(text);
  if (name == "kernel") return take_kernel(text);
  return take_second(name, text);
}

namespace {

// Frames with names take the place of the plain ones of user space; those of the kernel follow them.
void put_named(Stacks named, CpuProfile& profile) {
  if (named.stacks.size() != profile.stacks.size()) return;
  std::vector<Frame> frames = std::move(named.frames);
  for (Stack& chain : profile.chains)
    for (uint32_t& index : chain.frames) {
      frames.push_back(profile.frames[index]);
      index = static_cast<uint32_t>(frames.size() - 1);
    }
  profile.frames = std::move(frames);
  profile.stacks = std::move(named.stacks);
}

}  // namespace

Part<CpuProfile> parse_sampled(const RawStore& store, std::string_view bundle, std::string_view names) {
  auto sections = store.whole_sections(bundle);
  if (!sections) return sections.error();
  CpuProfileText text;
  for (const Section& section : *sections)
    if (auto taken = text.take(section.name, section.bytes); !taken) return taken.error();
  if (auto bytes = store.read(names))
    if (auto named = parse_stacks_json(names, *bytes)) {
      if (auto added = read_added_names(store)) put_names(*added, *named);
      put_named(std::move(*named), text.profile);
    }
  return std::move(text.profile);
}

void parse_cpu_profile(const RawStore& store, Snapshot& snapshot) {
  snapshot.cpu_profile = parse_sampled(store, kBundle, kNames);
}

}  // namespace ec
