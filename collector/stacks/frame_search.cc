#include "collector/stacks/frame_search.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <initializer_list>
#include <utility>

#include "collector/stacks/code_bytes.h"

namespace ec {

namespace {

constexpr uint64_t kScanWords = 512;
constexpr uint64_t kBaseScanBytes = 16 * 1024;

}  // namespace

std::optional<NextFrame> FrameSearch::base_by_chain(const Registers& now) const {
  constexpr int kLinks = 3;
  auto returns = [&](uint64_t target) {
    return modules_.at(target) ? returns_to_code(modules_, target) : modules_.executable(target);
  };
  auto linked = [&](uint64_t base) {
    for (int link = 0; link < kLinks; ++link) {
      auto saved = word(base), target = word(base + 8);
      if (!saved || !target || !returns(*target)) return false;
      if (*saved == 0) return link > 0;
      if (*saved <= base || *saved % 8 != 0) return false;
      base = *saved;
    }
    return true;
  };
  for (uint64_t at = (now.sp() + 7) / 8 * 8, end = at + kScanWords * 8; at < end; at += 8) {
    if (!linked(at)) continue;
    NextFrame next{{}, FoundBy::kScan, true};
    next.registers.set(Register::kRip, *word(at + 8));
    next.registers.set(Register::kRsp, at + 16);
    next.registers.set(Register::kRbp, *word(at));
    return next;
  }
  return std::nullopt;
}

bool FrameSearch::leads_to_cfi(const Registers& now) const {
  for (uint64_t i = 0; i < kScanWords; ++i) {
    auto target = word(now.sp() + i * 8);
    if (!target) return false;
    Module* module = modules_.at(*target);
    if (module && module->cfi && returns_to_code(modules_, *target) && module->cfi->find(*target - module->bias - 1))
      return true;
  }
  return false;
}

std::optional<NextFrame> FrameSearch::scan(const Registers& now) const {
  for (uint64_t i = 0; i < kScanWords; ++i) {
    uint64_t at = now.sp() + i * 8;
    auto target = word(at);
    if (!target) break;
    // Whether code made at run time called cannot be seen; a frame pointer would tell, and a stop the frame pointer.
    if (!now.has(Register::kRbp) && modules_.made_at_run_time(*target)) break;
    if (!returns_to_code(modules_, *target)) continue;
    NextFrame next{now, FoundBy::kScan, true};
    next.registers.set(Register::kRip, *target);
    next.registers.set(Register::kRsp, at + 8);
    if (auto base = now.get(Register::kRbp); base && *base < at + 8) next.registers.forget(Register::kRbp);
    return next;
  }
  return std::nullopt;
}

std::optional<NextFrame> FrameSearch::base_by_prologue(const Registers& now, uint64_t function) const {
  std::array<uint8_t, 32> code{};
  if (!modules_.read_code(function, code.data(), code.size())) return std::nullopt;
  size_t at = 0;
  auto match = [&](std::initializer_list<uint8_t> bytes) {
    if (at + bytes.size() > code.size() ||
        !std::equal(bytes.begin(), bytes.end(), code.begin() + static_cast<std::ptrdiff_t>(at)))
      return false;
    at += bytes.size();
    return true;
  };
  match({0xf3, 0x0f, 0x1e, 0xfa});  // endbr64
  if (!match({0x55}) || !(match({0x48, 0x89, 0xe5}) || match({0x48, 0x8b, 0xec}))) return std::nullopt;
  constexpr std::array kPushed{std::pair{uint8_t{0x54}, Register::kR12}, std::pair{uint8_t{0x55}, Register::kR13},
                               std::pair{uint8_t{0x56}, Register::kR14}, std::pair{uint8_t{0x57}, Register::kR15}};
  std::vector<Register> pushed;
  while (true) {
    if (match({0x53})) {
      pushed.push_back(Register::kRbx);
      continue;
    }
    auto found = std::find_if(kPushed.begin(), kPushed.end(), [&](const auto& each) {
      return match({0x41, each.first});
    });
    if (found == kPushed.end()) break;
    pushed.push_back(found->second);
  }
  uint64_t size = pushed.size() * 8;
  if (match({0x48, 0x83, 0xec}) && at < code.size())
    size += code[at];
  else if (match({0x48, 0x81, 0xec}) && at + 4 <= code.size()) {
    uint32_t immediate;
    std::memcpy(&immediate, code.data() + at, sizeof immediate);
    size += immediate;
  }
  uint64_t base = now.sp() + size;
  auto saved = word(base), target = word(base + 8);
  if (!saved || !target) return std::nullopt;
  bool by_jit = modules_.made_at_run_time(*target) && *saved > base && *saved % 8 == 0;
  if (!returns_to_code(modules_, *target) && !is_sigreturn(modules_, *target) && !by_jit) return std::nullopt;
  NextFrame next{{}, FoundBy::kFramePointer, true};
  next.registers.set(Register::kRip, *target);
  next.registers.set(Register::kRsp, base + 16);
  next.registers.set(Register::kRbp, *saved);
  for (size_t i = 0; i < pushed.size(); ++i)
    if (auto value = word(base - 8 * (i + 1))) next.registers.set(pushed[i], *value);
  return next;
}

std::optional<NextFrame> FrameSearch::frame_base_of(const Registers& now, uint64_t function) const {
  for (uint64_t at = (now.sp() + 15) / 16 * 16; at < now.sp() + kBaseScanBytes; at += 16) {
    auto saved = word(at), target = word(at + 8);
    if (!saved || !target) break;
    if (!modules_.executable(*target) || !called_directly(modules_, *target, function)) continue;
    NextFrame next{{}, FoundBy::kScan, true};
    next.registers.set(Register::kRip, *target);
    next.registers.set(Register::kRsp, at + 16);
    next.registers.set(Register::kRbp, *saved);
    return next;
  }
  return std::nullopt;
}

}  // namespace ec
