#include "collector/stacks/unwinder.h"

#include <array>

#include "collector/base/clock.h"
#include "collector/stacks/cfi_stepper.h"
#include "collector/stacks/code_bytes.h"
#include "collector/stacks/frame_search.h"
#include "collector/stacks/go_frames.h"
#include "collector/stacks/libdw_engine.h"

namespace ec {

namespace {

constexpr int kMostJumps = 16;
constexpr int kMostLibdwSteps = 64;                        // in one stack
constexpr nanoseconds kMostLibdwTime = milliseconds(500);  // of one unwinder
constexpr int kMostScansInARow = 3;                        // musl has three frames below nanosleep(3)

// struct ucontext of the kernel on x86-64: uc_mcontext follows 40 bytes, gregs in this order.
constexpr std::array kContextOrder{Register::kR8,  Register::kR9,  Register::kR10, Register::kR11, Register::kR12,
                                   Register::kR13, Register::kR14, Register::kR15, Register::kRdi, Register::kRsi,
                                   Register::kRbp, Register::kRbx, Register::kRdx, Register::kRax, Register::kRcx,
                                   Register::kRsp, Register::kRip};
constexpr uint64_t kContextRegisters = 40;

}  // namespace

std::string_view to_string(FoundBy found_by) {
  constexpr std::array<std::string_view, 8> kWords{"registers", "cfi", "frame-pointer", "signal-frame", "leaf",
                                                   "scan",      "go",  "libdw"};
  return kWords[static_cast<size_t>(found_by)];
}

std::string_view to_string(StackEnd end) {
  constexpr std::array<std::string_view, 5> kWords{"root", "limit", "no-unwind-info", "bad-memory", "other-stack"};
  return kWords[static_cast<size_t>(end)];
}

struct Unwinder::State {
  explicit State(Modules& all_modules)
      : modules(all_modules), cfi(all_modules), libdw(all_modules), go_frames(all_modules) {}

  Modules& modules;
  CfiStepper cfi;
  LibdwEngine libdw;
  int libdw_steps = 0;
  nanoseconds libdw_time{0};
  GoFrames go_frames;
  bool live = false;  // the stepper stands at the current frame
  const std::vector<StackBytes>* stack = nullptr;
  std::optional<uint64_t> thread_pointer;

  std::optional<uint64_t> word(uint64_t address) const { return stack_word(*stack, address); }
  FrameSearch search() const { return FrameSearch(modules, *stack); }

  bool in_go_image(uint64_t pc) const {
    Module* module = modules.at(pc);
    return module && module->image && module->image->is_go();
  }

  std::optional<NextFrame> signal_context(const Registers& now) const {
    if (!is_sigreturn(modules, now.pc())) return std::nullopt;
    NextFrame next{{}, FoundBy::kSignalFrame, false, true};
    uint64_t at = now.sp() + kContextRegisters;
    for (Register reg : kContextOrder) {
      auto value = word(at);
      if (!value) return std::nullopt;
      next.registers.set(reg, *value);
      at += 8;
    }
    return next;
  }

  std::optional<NextFrame> leaf(const Registers& now, bool go) const {
    auto target = word(now.sp());
    if (!target || !(returns_to_code(modules, *target) || (go && is_goexit(modules, *target)))) return std::nullopt;
    NextFrame next{now, FoundBy::kLeaf, true};
    next.registers.set(Register::kRip, *target);
    next.registers.set(Register::kRsp, now.sp() + 8);
    return next;
  }

  // `in_jit`: the interpreter entries of HotSpot and V8 are returned to without a call before them. `go`: a frame
  // pointer that leads elsewhere is that of another stack, where a goroutine left off.
  std::optional<NextFrame> frame_pointer(const Registers& now, bool in_jit, bool go) const {
    auto base = now.get(Register::kRbp);
    if (!base || *base % 8 != 0 || *base < now.sp()) return std::nullopt;
    auto saved = word(*base), target = word(*base + 8);
    if (!saved || !target || !modules.executable(*target)) return std::nullopt;
    bool leads_on = *saved == 0 || *saved > *base;
    if (!leads_on && !go) return std::nullopt;
    if (!in_jit && !modules.made_at_run_time(*target) && !after_call(modules, *target) &&
        !(go && is_goexit(modules, *target)))
      return std::nullopt;
    NextFrame next{now, FoundBy::kFramePointer, true};
    next.registers.set(Register::kRip, *target);
    next.registers.set(Register::kRsp, *base + 16);
    next.registers.set(Register::kRbp, *saved);
    if (!leads_on) next.registers.forget(Register::kRbp);
    return next;
  }

  // The second engine's opinion on a frame that the first one cannot leave. It finds entries that a damaged table
  // hides, and evaluates what libunwind does not know; and it may say that nothing called this frame (pc 0).
  std::optional<NextFrame> by_second_engine(const Registers& now, bool return_address) {
    if (libdw_steps >= kMostLibdwSteps || libdw_time >= kMostLibdwTime) return std::nullopt;
    if (Module* module = modules.at(now.pc()); !module || !module->image) return std::nullopt;
    ++libdw_steps;
    auto begin = Clock::now();
    CfiStepper::Step step = libdw.step(now, *stack, return_address);
    libdw_time += Clock::now() - begin;
    if (step.outcome == CfiStepper::Outcome::kRoot) return NextFrame{{}, FoundBy::kLibdw};
    if (step.outcome != CfiStepper::Outcome::kStepped) return std::nullopt;
    return NextFrame{step.registers, FoundBy::kLibdw, !step.interrupted, step.interrupted};
  }

  // The step outwards from a place without call frame information.
  std::optional<NextFrame> without_cfi(const Registers& now, bool return_address, int scans, PcStack& result) {
    if (auto next = signal_context(now)) return next;
    bool go = in_go_image(now.pc()), jit = modules.made_at_run_time(now.pc());
    bool base_known = now.has(Register::kRbp);
    if (!return_address) {
      // A function that has no frame yet, or never makes one.
      auto by_leaf = leaf(now, go);
      auto by_base = frame_pointer(now, jit, go);
      if (by_leaf && !(by_base && by_base->registers.sp() < by_leaf->registers.sp())) return by_leaf;
    }
    if (go && return_address && is_goexit(modules, now.pc())) return std::nullopt;
    if (auto next = frame_pointer(now, jit, go)) return next;
    // An outermost frame says so by a zero frame pointer; code that has no use for it may leave it zero, too.
    if (auto base = now.get(Register::kRbp); !go && base && *base == 0 && return_address && !search().leads_to_cfi(now))
      return std::nullopt;
    if (auto next = by_second_engine(now, return_address)) return next;
    if (!base_known) result.needs_registers = true;
    if (go || scans >= kMostScansInARow) return std::nullopt;
    if (!base_known)
      if (auto next = search().base_by_chain(now)) return next;
    return search().scan(now);
  }

  std::optional<NextFrame> without_information(const Registers& now, bool return_address, int scans, PcStack& result) {
    if (auto next = without_cfi(now, return_address, scans, result)) return next;
    auto base = now.get(Register::kRbp);
    result.end = base && *base == 0 ? StackEnd::kRoot : StackEnd::kNoUnwindInfo;
    if (base && *base >= now.sp() && *base % 8 == 0 && !word(*base)) result.missing_address = *base;
    return std::nullopt;
  }

  // The step outwards; nothing at the end of the stack, and `result` says why.
  std::optional<NextFrame> outwards(const Registers& now, bool return_address, int scans, PcStack& result) {
    if (in_go_image(now.pc()) && is_sigreturn(modules, now.pc())) {
      // It has information like any function, which does not lead to what was interrupted.
      live = false;
      auto next = signal_context(now);
      if (!next) {
        result.end = StackEnd::kBadMemory;
        result.missing_address = now.sp() + kContextRegisters;
      }
      return next;
    }
    if (auto step = go_frames.step(now, return_address, *stack, thread_pointer)) {
      live = false;
      if (step->needs_thread_pointer) result.needs_registers = true;
      result.missing_address = step->missing_address;
      switch (step->outcome) {
        case GoFrames::Step::Outcome::kStepped:
          return NextFrame{step->caller, FoundBy::kGo, step->return_address, step->switched_stack};
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
        // What a program told about code that it made need not be true.
        if (!modules.executable(step.registers.pc()) && modules.made_at_run_time(now.pc())) {
          live = false;
          return without_information(now, return_address, scans, result);
        }
        return NextFrame{step.registers, step.interrupted ? FoundBy::kSignalFrame : FoundBy::kCfi, !step.interrupted,
                         step.interrupted};
      case CfiStepper::Outcome::kRoot:
        result.end = StackEnd::kRoot;
        return std::nullopt;
      case CfiStepper::Outcome::kNoInfo:
        return without_information(now, return_address, scans, result);
      case CfiStepper::Outcome::kFailed:
        return after_failure(now, return_address, step, result);
    }
    return std::nullopt;
  }

  PcStack unwind(const Registers& start, size_t most_frames) {
    PcStack result;
    Registers now = start;
    bool return_address = false;
    int jumps = 0, scans = 0;
    libdw_steps = 0;
    thread_pointer = start.get(Register::kFsBase);
    FoundBy found_by = FoundBy::kRegisters;
    live = false;
    while (true) {
      result.frames.push_back({now.pc(), found_by, return_address});
      if (result.frames.size() >= most_frames) {
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
      if (return_address && is_sigreturn(modules, now.pc())) return_address = live = false;
    }
  }

  std::optional<NextFrame> after_failure(const Registers& now, bool return_address, const CfiStepper::Step& step,
                                         PcStack& result) {
    result.end = StackEnd::kBadMemory;
    if (!step.missing_register) {
      // What is missing, libdw would miss as well.
      if (step.missing_address == 0)
        if (auto next = by_second_engine(now, return_address)) return next;
      result.missing_address = step.missing_address;
      return std::nullopt;
    }
    result.end = StackEnd::kNoUnwindInfo;
    Module* module = modules.at(now.pc());
    auto range =
        module && module->cfi ? module->cfi->find(now.pc() - module->bias - (return_address ? 1 : 0)) : std::nullopt;
    if (range) {
      if (auto next = search().base_by_prologue(now, module->bias + range->start)) return next;
      if (auto next = search().frame_base_of(now, module->bias + range->start)) return next;
    }
    if (auto next = by_second_engine(now, return_address)) return next;
    result.needs_registers = true;
    if (auto next = search().base_by_chain(now)) return next;
    return search().scan(now);
  }
};

Unwinder::Unwinder(Modules& modules) : state_(std::make_unique<State>(modules)) {}
Unwinder::~Unwinder() = default;

PcStack Unwinder::unwind(const Registers& registers, const std::vector<StackBytes>& stack, size_t most_frames) {
  state_->stack = &stack;
  return state_->unwind(registers, most_frames);
}

}  // namespace ec
