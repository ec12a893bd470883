#include "collector/cli/missing_names.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "collector/collectors/added_names.h"
#include "collector/collectors/stacks.h"

namespace ec {

namespace {

constexpr size_t kMostModules = 20'000;

using Addresses = std::set<std::pair<uint64_t, bool>>;
using ByModule = std::map<std::pair<std::string, std::string>, Addresses>;  // build id, path

void add_missing(const Stacks& stacks, ByModule& modules) {
  for (const Frame& frame : stacks.frames) {
    if (frame.module.empty() || frame.inlined || !frame.file.empty()) continue;
    auto key = std::pair(frame.build_id, frame.module);
    if (modules.size() < kMostModules || modules.contains(key))
      modules[key].emplace(frame.module_offset, frame.return_address);
  }
}

bool has_answer(const OfflineAddress& address) {
  return !address.answer.symbol.empty() || !address.answer.lines.empty();
}

}  // namespace

std::vector<OfflineModule> missing_names(const RawStore& store) {
  ByModule by_module;
  auto added = read_added_names(store);
  for (std::string_view path :
       {"raw/stacks.json", "raw/samples.json", "raw/cpu_profile.json", "raw/page_faults.json"}) {
    auto text = store.read(path);
    auto stacks = text ? parse_stacks_json(path, *text) : Result<Stacks>(tl::unexpected(text.error()));
    if (!stacks) continue;
    infer_return_addresses(*stacks);
    if (added) put_names(*added, *stacks);
    add_missing(*stacks, by_module);
  }
  std::vector<OfflineModule> modules;
  for (const auto& [key, addresses] : by_module) {
    OfflineModule& module = modules.emplace_back();
    std::tie(module.build_id, module.path) = key;
    for (auto [offset, return_address] : addresses) module.addresses.push_back({offset, return_address});
  }
  return modules;
}

AddedNames with_answers(const RawStore& store, const std::vector<OfflineModule>& modules) {
  AddedNames names = read_added_names(store).value_or(AddedNames{});
  for (const OfflineModule& module : modules) {
    AddedModule fresh{module.path, module.build_id, module.file, module.debug_file, module.reason, {}};
    Addresses answered;
    for (const OfflineAddress& address : module.addresses) {
      if (!has_answer(address)) continue;
      answered.emplace(address.module_offset, address.return_address);
      fresh.names.push_back({address.module_offset, address.return_address, address.answer.symbol,
                             address.answer.symbol_offset, address.answer.lines});
    }
    // The later answer counts, and a module that has answers needs no reason of an earlier attempt.
    std::erase_if(names.modules, [&](AddedModule& earlier) {
      if (earlier.build_id != module.build_id || earlier.path != module.path) return false;
      std::erase_if(earlier.names, [&](const AddedName& name) {
        return answered.contains({name.module_offset, name.return_address});
      });
      return earlier.names.empty();
    });
    names.modules.push_back(std::move(fresh));
  }
  return names;
}

FrameCounts count_frames(const Part<Stacks>& stacks) {
  FrameCounts counts;
  if (!stacks) return counts;
  for (const ThreadStack& thread : stacks->threads) {
    if (!thread.stack) continue;
    for (uint32_t index : stacks->stacks[*thread.stack].frames) {
      const Frame& frame = stacks->frames[index];
      if (frame.pc == 0) continue;
      ++counts.frames;
      counts.named += !frame.symbol.empty();
      counts.with_line += !frame.file.empty();
    }
  }
  return counts;
}

}  // namespace ec
