// Thousands of threads share a few stacks: each different one is kept once.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "collector/stacks/unwinder.h"

namespace ec {

class StackPool {
 public:
  explicit StackPool(std::vector<PcStack>& stacks) : stacks_(stacks) {}  // they must outlive the pool
  // Its index in the stacks.
  uint32_t add(PcStack stack) {
    std::string key;
    key.reserve(stack.frames.size() * 10 + 1);
    for (const PcFrame& frame : stack.frames) {
      key.append(reinterpret_cast<const char*>(&frame.pc), sizeof frame.pc);
      key += static_cast<char>(frame.found_by);
      key += frame.return_address ? 'r' : 'p';
    }
    key += static_cast<char>(stack.end);
    auto [place, added] = known_.emplace(std::move(key), static_cast<uint32_t>(stacks_.size()));
    if (added) stacks_.push_back(std::move(stack));
    return place->second;
  }

 private:
  std::vector<PcStack>& stacks_;
  std::unordered_map<std::string, uint32_t> known_;
};

}  // namespace ec
