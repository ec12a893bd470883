#include "collector/collectors/futex_words.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <unordered_map>

#include "collector/base/text.h"
#include "collector/collectors/stacks.h"
#include "collector/collectors/target_source.h"

namespace ec {

namespace {

constexpr std::string_view kPath = "raw/futex.bundle";
constexpr size_t kWordAt = 48, kMostBlocks = 64, kMostNames = 4096;
constexpr milliseconds kTimeForNames{1000};
// struct pthread of glibc on x86-64: header.self and tid (measured from 2.31 to 2.36).
constexpr uint64_t kSelfAt = 0x10, kTidAt = 0x2d0;

template <class T>
T value_at(std::string_view bytes, size_t at) {
  T value{};
  if (at + sizeof value <= bytes.size()) std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

// Addresses that would be the owner of a locked _IO_lock_t: lock @0, cnt @4, owner @8.
std::set<uint64_t> owner_blocks(const StackDump& dump) {
  std::set<uint64_t> pointers;
#ifdef __x86_64__
  for (const FutexWord& word : dump.futexes) {
    auto lock = value_at<uint32_t>(word.bytes, kWordAt), count = value_at<uint32_t>(word.bytes, kWordAt + 4);
    auto pointer = value_at<uint64_t>(word.bytes, kWordAt + 8);
    bool plausible = pointer > 0x10000 && pointer < (uint64_t{1} << 47) && pointer % 16 == 0;
    if (lock == 2 && count >= 1 && count < 0x10000 && plausible && pointers.size() < kMostBlocks)
      pointers.insert(pointer);
  }
#endif
  return pointers;
}

void gather_blocks(GatherContext& context, const StackDump& dump) {
  auto memory = memory_of(context);
  for (uint64_t pointer : owner_blocks(dump)) {
    char bytes[12];
    if (memory->read_whole(pointer + kSelfAt, bytes, 8) && memory->read_whole(pointer + kTidAt, bytes + 8, 4))
      context.out.section(kPath, fmt::format("block/{:x}", pointer), std::string_view(bytes, sizeof bytes));
  }
}

// The variables that locks are: looked up like the code addresses of a stack.
void gather_names(GatherContext& context, StackDump& dump, const Namer& name) {
  std::set<uint64_t> addresses;
  for (const FutexWord& word : dump.futexes)
    if (addresses.size() < kMostNames && dump.modules->at(word.address)) addresses.insert(word.address);
  if (addresses.empty()) return;
  StackDump variables;
  variables.modules = std::move(dump.modules);
  PcStack& stack = variables.stacks.emplace_back();
  for (uint64_t address : addresses) stack.frames.push_back({address, FoundBy::kRegisters, false});
  NamedStacks named = name(variables, context.deadline.after_share(0.5).earlier_of(Deadline::in(kTimeForNames)));
  dump.modules = std::move(variables.modules);
  for (const NamedFrame& variable : named.frames)
    if (!variable.symbol.empty())
      context.out.section(kPath, fmt::format("name/{:x}", variable.pc),
                          fmt::format("{}\n{}\n{:#x}", printable_line(variable.module, 400),
                                      printable_line(variable.symbol, 400), variable.symbol_offset));
}

struct Variable {
  std::string module, symbol;
  uint64_t offset = 0;
};

std::optional<Variable> variable_of(std::string_view text) {
  LineCursor lines("name", text);
  auto module = lines.next(), symbol = lines.next(), offset = lines.next();
  if (!offset || !offset->starts_with("0x")) return std::nullopt;
  auto number = parse_number<uint64_t>(offset->substr(2), 16);
  if (!number) return std::nullopt;
  return Variable{std::string(*module), std::string(*symbol), *number};
}

}  // namespace

void gather_futex_words(GatherContext& context, StackDump& dump, const Namer& name) {
  for (const FutexWord& word : dump.futexes)
    context.out.section(kPath, fmt::format("{}/{:x}", word.tid, word.address), without_text(word.bytes));
  gather_blocks(context, dump);
  gather_names(context, dump, name);
}

void apply_futex_words(const RawStore& store, std::vector<Thread>& threads) {
  std::unordered_map<uint64_t, Variable> variables;
  std::unordered_map<uint64_t, FutexMemory::ThreadBlock> blocks;
  const auto sections = store.bundle(kPath);
  for (const Section& section : sections) {
    size_t slash = section.name.find('/');
    if (section.failed || slash == std::string_view::npos) continue;
    std::string_view kind = section.name.substr(0, slash);
    auto address = parse_number<uint64_t>(section.name.substr(slash + 1), 16);
    if (!address) continue;
    if (kind == "name") {
      if (auto variable = variable_of(section.bytes)) variables.emplace(*address, std::move(*variable));
    } else if (kind == "block" && section.bytes.size() == 12) {
      blocks[*address] = {*address, value_at<uint64_t>(section.bytes, 0), value_at<uint32_t>(section.bytes, 8)};
    }
  }
  for (const Section& section : sections) {
    size_t slash = section.name.find('/');
    if (section.failed || slash == std::string_view::npos) continue;
    auto tid = parse_number<int>(section.name.substr(0, slash));
    auto address = parse_number<uint64_t>(section.name.substr(slash + 1), 16);
    if (!tid || !address) continue;
    auto thread = std::lower_bound(threads.begin(), threads.end(), *tid,
                                   [](const Thread& each, int wanted) { return each.tid < wanted; });
    if (thread == threads.end() || thread->tid != *tid) continue;
    FutexMemory memory;
    memory.address = *address;
    memory.bytes = section.bytes;
    if (auto named = variables.find(*address); named != variables.end()) {
      memory.module = named->second.module;
      memory.symbol = named->second.symbol;
      memory.symbol_offset = named->second.offset;
    }
    if (auto block = blocks.find(value_at<uint64_t>(memory.bytes, kWordAt + 8)); block != blocks.end())
      memory.owner_block = block->second;
    thread->futex = std::move(memory);
  }
}

}  // namespace ec
