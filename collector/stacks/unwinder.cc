#include "collector/stacks/unwinder.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <initializer_list>
#include <utility>

#include "collector/stacks/cfi_stepper.h"
#include "collector/stacks/go_frames.h"

namespace ec {

namespace {

constexpr size_t kMostFrames = 1024;
constexpr int kMostJumps = 16;
constexpr int kMostScansInARow = 3;  // musl has three frames below nanosleep(3)
constexpr uint64_t kScanWords = 512;
constexpr uint64_t kBaseScanBytes = 16 * 1024;

// mov $15,%rax; syscall: rt_sigreturn(2), as glibc, musl and Go have it (Go with a shorter move).
constexpr std::array<uint8_t, 9> kSigreturn{0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05};

// struct ucontext of the kernel on x86-64: uc_mcontext follows 40 bytes, gregs in this order.
constexpr std::array kContextOrder{Register::kR8,  Register::kR9,  Register::kR10, Register::kR11, Register::kR12,
                                   Register::kR13, Register::kR14, Register::kR15, Register::kRdi, Register::kRsi,
                                   Register::kRbp, Register::kRbx, Register::kRdx, Register::kRax, Register::kRcx,
                                   Register::kRsp, Register::kRip};
constexpr uint64_t kContextRegisters = 40;

}  // namespace

std::string_view to_string(FoundBy found_by) {
  constexpr std::array<std::string_view, 7> kWords{"registers", "cfi", "frame-pointer", "signal-frame", "leaf",
                                                   "scan",      "go"};
  return kWords[static_cast<size_t>(found_by)];
}

std::string_view to_string(StackEnd end) {
  constexpr std::array<std::string_view, 5> kWords{"root", "limit", "no-unwind-info", "bad-memory", "other-stack"};
  return kWords[static_cast<size_t>(end)];
}

struct Unwinder::State {
  explicit State(Modules& all_modules) : modules(all_modules), cfi(all_modules), go_frames(all_modules) {}

  Modules& modules;
  CfiStepper cfi;
  GoFrames go_frames;
  bool live = false;  // the stepper stands at the current frame
  const std::vector<StackBytes>* stack = nullptr;

  std::optional<uint64_t> word(uint64_t address) const { return stack_word(*stack, address); }

  // The instruction before `address` is a call: e8 rel32, or ff /2 with its operand forms (Intel SDM vol. 2, CALL).
  bool after_call(uint64_t address) const {
    std::array<uint8_t, 7> code{};
    if (address < 7 || !modules.read_code(address - 7, code.data(), 7)) return false;
    if (code[2] == 0xe8) return true;
    auto indirect = [&](size_t length) {
      size_t at = 7 - length;
      uint8_t form = code[at + 1];
      if (code[at] != 0xff || ((form >> 3) & 7) != 2) return false;
      uint8_t mode = form >> 6, base = form & 7;
      size_t expected = 2;
      if (mode != 3 && base == 4) ++expected;  // SIB byte
      if (mode == 1) expected += 1;
      if (mode == 2 || (mode == 0 && base == 5)) expected += 4;
      return expected == length;
    };
    return indirect(2) || indirect(3) || indirect(4) || indirect(6) || indirect(7);
  }

  // A direct call just before `address` goes to `target`.
  bool called_directly(uint64_t address, uint64_t target) const {
    std::array<uint8_t, 5> code{};
    if (address < 5 || !modules.read_code(address - 5, code.data(), 5) || code[0] != 0xe8) return false;
    int32_t relative;
    std::memcpy(&relative, code.data() + 1, sizeof relative);
    return address + static_cast<uint64_t>(int64_t{relative}) == target;
  }

  bool returns_to_code(uint64_t address) const { return modules.executable(address) && after_call(address); }

  bool is_sigreturn(uint64_t pc) const {
    std::array<uint8_t, 9> code{};
    return modules.read_code(pc, code.data(), code.size()) && code == kSigreturn;
  }

  bool in_go_image(uint64_t pc) const {
    Module* module = modules.at(pc);
    return module && module->image && module->image->is_go();
  }

  struct Next {
    Registers registers;
    FoundBy found_by;
    bool return_address = true;
    bool other_stack = false;  // its stack pointer need not be above that of the callee
  };

  std::optional<Next> signal_context(const Registers& now) const {
    if (!is_sigreturn(now.pc())) return std::nullopt;
    Next next{{}, FoundBy::kSignalFrame, false, true};
    uint64_t at = now.sp() + kContextRegisters;
    for (Register reg : kContextOrder) {
      auto value = word(at);
      if (!value) return std::nullopt;
      next.registers.set(reg, *value);
      at += 8;
    }
    return next;
  }

  std::optional<Next> leaf(const Registers& now, bool go) const {
    auto target = word(now.sp());
    if (!target || !(returns_to_code(*target) || (go && is_goexit(*target)))) return std::nullopt;
    Next next{now, FoundBy::kLeaf, true};
    next.registers.set(Register::kRip, *target);
    next.registers.set(Register::kRsp, now.sp() + 8);
    return next;
  }

  // runtime.goexit, to whose second instruction the first function of a goroutine returns without having been called:
  // nop; call goexit1; nop.
  bool is_goexit(uint64_t address) const {
    std::array<uint8_t, 7> code{};
    return modules.read_code(address - 1, code.data(), code.size()) && code[0] == 0x90 && code[1] == 0xe8 &&
           code[6] == 0x90;
  }

  // `in_jit`: the interpreter entries of HotSpot and V8 are returned to without a call before them. `go`: a frame
  // pointer that leads elsewhere is that of another stack, where a goroutine left off.
  std::optional<Next> frame_pointer(const Registers& now, bool in_jit, bool go) const {
    auto base = now.get(Register::kRbp);
    if (!base || *base % 8 != 0 || *base < now.sp()) return std::nullopt;
    auto saved = word(*base), target = word(*base + 8);
    if (!saved || !target || !modules.executable(*target)) return std::nullopt;
    bool leads_on = *saved == 0 || *saved > *base;
    if (!leads_on && !go) return std::nullopt;
    if (!in_jit && !modules.made_at_run_time(*target) && !after_call(*target) && !(go && is_goexit(*target)))
      return std::nullopt;
    Next next{now, FoundBy::kFramePointer, true};
    next.registers.set(Register::kRip, *target);
    next.registers.set(Register::kRsp, *base + 16);
    next.registers.set(Register::kRbp, *saved);
    if (!leads_on) next.registers.forget(Register::kRbp);
    return next;
  }

  // rbp is not known; but frames that are linked by it show themselves: "saved rbp, return address" three times, each
  // saved rbp leading to the next, the last one perhaps being zero.
  std::optional<Next> base_by_chain(const Registers& now) const {
    constexpr int kLinks = 3;
    auto returns = [&](uint64_t target) {
      return modules.at(target) ? returns_to_code(target) : modules.executable(target);
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
      Next next{{}, FoundBy::kScan, true};
      next.registers.set(Register::kRip, *word(at + 8));
      next.registers.set(Register::kRsp, at + 16);
      next.registers.set(Register::kRbp, *word(at));
      return next;
    }
    return std::nullopt;
  }

  // Above the last frame of a stack no code with call frame information was called from.
  bool leads_to_cfi(const Registers& now) const {
    for (uint64_t i = 0; i < kScanWords; ++i) {
      auto target = word(now.sp() + i * 8);
      if (!target) return false;
      Module* module = modules.at(*target);
      if (module && module->cfi && returns_to_code(*target) && module->cfi->find(*target - module->bias - 1))
        return true;
    }
    return false;
  }

  std::optional<Next> scan(const Registers& now) const {
    for (uint64_t i = 0; i < kScanWords; ++i) {
      uint64_t at = now.sp() + i * 8;
      auto target = word(at);
      if (!target) break;
      // Whether code made at run time called cannot be seen; a frame pointer would tell, and a stop the frame pointer.
      if (!now.has(Register::kRbp) && modules.made_at_run_time(*target)) break;
      if (!returns_to_code(*target)) continue;
      Next next{now, FoundBy::kScan, true};
      next.registers.set(Register::kRip, *target);
      next.registers.set(Register::kRsp, at + 8);
      if (auto base = now.get(Register::kRbp); base && *base < at + 8) next.registers.forget(Register::kRbp);
      return next;
    }
    return std::nullopt;
  }

  // The information wants the frame base in rbp, which a thread read without a stop does not tell. The prologue does:
  //   push %rbp; mov %rsp,%rbp; push %r12 …; sub $size,%rsp
  // says how far above the stack pointer of a call the base is, unless the function moved it again (alloca).
  std::optional<Next> base_by_prologue(const Registers& now, uint64_t function) const {
    std::array<uint8_t, 32> code{};
    if (!modules.read_code(function, code.data(), code.size())) return std::nullopt;
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
    bool by_jit = modules.made_at_run_time(*target) && *saved > base && *saved % 8 == 0;
    if (!returns_to_code(*target) && !is_sigreturn(*target) && !by_jit) return std::nullopt;
    Next next{{}, FoundBy::kFramePointer, true};
    next.registers.set(Register::kRip, *target);
    next.registers.set(Register::kRsp, base + 16);
    next.registers.set(Register::kRbp, *saved);
    for (size_t i = 0; i < pushed.size(); ++i)
      if (auto value = word(base - 8 * (i + 1))) next.registers.set(pushed[i], *value);
    return next;
  }

  // Without such a prologue: the frame of a function whose base is rbp begins "saved rbp, return address", and the
  // return address behind a direct call of exactly this function is most likely its own.
  std::optional<Next> frame_base_of(const Registers& now, uint64_t function) const {
    for (uint64_t at = (now.sp() + 15) / 16 * 16; at < now.sp() + kBaseScanBytes; at += 16) {
      auto saved = word(at), target = word(at + 8);
      if (!saved || !target) break;
      if (!modules.executable(*target) || !called_directly(*target, function)) continue;
      Next next{{}, FoundBy::kScan, true};
      next.registers.set(Register::kRip, *target);
      next.registers.set(Register::kRsp, at + 16);
      next.registers.set(Register::kRbp, *saved);
      return next;
    }
    return std::nullopt;
  }

  // The step outwards from a place without call frame information.
  std::optional<Next> without_cfi(const Registers& now, bool return_address, int scans, PcStack& result) {
    if (auto next = signal_context(now)) return next;
    bool go = in_go_image(now.pc()), jit = modules.made_at_run_time(now.pc());
    bool base_known = now.has(Register::kRbp);
    if (!return_address) {
      // A function that has no frame yet, or never makes one.
      auto by_leaf = leaf(now, go);
      auto by_base = frame_pointer(now, jit, go);
      if (by_leaf && !(by_base && by_base->registers.sp() < by_leaf->registers.sp())) return by_leaf;
    }
    if (go && return_address && is_goexit(now.pc())) return std::nullopt;
    if (auto next = frame_pointer(now, jit, go)) return next;
    if (!base_known) result.needs_registers = true;
    if (go || scans >= kMostScansInARow) return std::nullopt;
    // An outermost frame says so by a zero frame pointer; code that has no use for it may leave it zero, too.
    if (auto base = now.get(Register::kRbp); base && *base == 0 && return_address && !leads_to_cfi(now))
      return std::nullopt;
    if (!base_known)
      if (auto next = base_by_chain(now)) return next;
    return scan(now);
  }

  // The step outwards; nothing at the end of the stack, and `result` says why.
  std::optional<Next> outwards(const Registers& now, bool return_address, int scans, PcStack& result) {
    if (in_go_image(now.pc()) && is_sigreturn(now.pc())) {
      // It has information like any function, which does not lead to what was interrupted.
      live = false;
      auto next = signal_context(now);
      if (!next) {
        result.end = StackEnd::kBadMemory;
        result.missing_address = now.sp() + kContextRegisters;
      }
      return next;
    }
    if (auto step = go_frames.step(now, return_address, *stack)) {
      live = false;
      result.missing_address = step->missing_address;
      switch (step->outcome) {
        case GoFrames::Step::Outcome::kStepped:
          return Next{step->caller, FoundBy::kGo, step->return_address, step->switched_stack};
        case GoFrames::Step::Outcome::kRoot:
          result.end = StackEnd::kRoot;
          return std::nullopt;
        case GoFrames::Step::Outcome::kOtherStack:
          result.end = StackEnd::kOtherStack;
          return std::nullopt;
        case GoFrames::Step::Outcome::kBadMemory:
          result.end = StackEnd::kBadMemory;
          return std::nullopt;
      }
    }
    if (!live) cfi.start(now, *stack, return_address);
    CfiStepper::Step step = cfi.step();
    live = step.outcome == CfiStepper::Outcome::kStepped;
    switch (step.outcome) {
      case CfiStepper::Outcome::kStepped:
        return Next{step.registers, step.interrupted ? FoundBy::kSignalFrame : FoundBy::kCfi, !step.interrupted,
                    step.interrupted};
      case CfiStepper::Outcome::kRoot:
        result.end = StackEnd::kRoot;
        return std::nullopt;
      case CfiStepper::Outcome::kNoInfo: {
        auto next = without_cfi(now, return_address, scans, result);
        if (next) return next;
        auto base = now.get(Register::kRbp);
        result.end = base && *base == 0 ? StackEnd::kRoot : StackEnd::kNoUnwindInfo;
        if (base && *base >= now.sp() && *base % 8 == 0 && !word(*base)) result.missing_address = *base;
        return std::nullopt;
      }
      case CfiStepper::Outcome::kFailed:
        return after_failure(now, return_address, step, result);
    }
    return std::nullopt;
  }

  PcStack unwind(const Registers& start) {
    PcStack result;
    Registers now = start;
    bool return_address = false;
    int jumps = 0, scans = 0;
    FoundBy found_by = FoundBy::kRegisters;
    live = false;
    while (true) {
      result.frames.push_back({now.pc(), found_by, return_address});
      if (result.frames.size() >= kMostFrames) {
        result.end = StackEnd::kLimit;
        return result;
      }
      auto next = outwards(now, return_address, scans, result);
      if (!next) return result;
      if (next->registers.pc() == 0) {
        result.end = StackEnd::kRoot;
        return result;
      }
      // The stack grows down; only a signal, or Go calling C, may have come from another stack.
      // vfork(2) in libc has taken its return address off already.
      bool grows = next->registers.sp() > now.sp() || (next->registers.sp() == now.sp() && result.frames.size() == 1);
      if ((!next->other_stack && !grows) || (next->other_stack && ++jumps > kMostJumps)) {
        result.end = StackEnd::kBadMemory;
        return result;
      }
      scans = next->found_by == FoundBy::kScan ? scans + 1 : 0;
      now = next->registers;
      return_address = next->return_address;
      found_by = next->found_by;
      // The return address into the trampoline of a signal was put there by the kernel, not by a call: what stands
      // before it is another function.
      if (return_address && is_sigreturn(now.pc())) return_address = live = false;
    }
  }

  std::optional<Next> after_failure(const Registers& now, bool return_address, const CfiStepper::Step& step,
                                    PcStack& result) {
    result.end = StackEnd::kBadMemory;
    if (!step.missing_register) {
      result.missing_address = step.missing_address;
      return std::nullopt;
    }
    result.end = StackEnd::kNoUnwindInfo;
    Module* module = modules.at(now.pc());
    auto range =
        module && module->cfi ? module->cfi->find(now.pc() - module->bias - (return_address ? 1 : 0)) : std::nullopt;
    if (range) {
      if (auto next = base_by_prologue(now, module->bias + range->start)) return next;
      if (auto next = frame_base_of(now, module->bias + range->start)) return next;
    }
    result.needs_registers = true;
    if (auto next = base_by_chain(now)) return next;
    return scan(now);
  }
};

Unwinder::Unwinder(Modules& modules) : state_(std::make_unique<State>(modules)) {}
Unwinder::~Unwinder() = default;

PcStack Unwinder::unwind(const Registers& registers, const std::vector<StackBytes>& stack) {
  state_->stack = &stack;
  return state_->unwind(registers);
}

}  // namespace ec
