#include "collector/stacks/go_frames.h"

#include <cstring>

#include "collector/stacks/code_bytes.h"
#include "collector/target/go_thread.h"

namespace ec {

namespace {

constexpr size_t kMostKnown = 1'000'000;

// They go on where another stack was left, and say so in no flag before Go 1.17.
bool switches_stacks(std::string_view name) { return name == "runtime.gogo" || name == "gogo"; }

// The caller, whose return address stands at `at`.
GoFrames::Step caller_at(const Registers& now, uint64_t at, uint32_t size, const std::vector<StackBytes>& stack) {
  GoFrames::Step step;
  auto target = stack_word(stack, at);
  if (!target) {
    step.outcome = GoFrames::Step::Outcome::kBadMemory;
    step.missing_address = at;
    return step;
  }
  step.outcome = GoFrames::Step::Outcome::kStepped;
  step.caller.set(Register::kRip, *target);
  step.caller.set(Register::kRsp, at + 8);
  // A function with a frame has put the frame pointer of its caller on top of it. Nothing else is preserved.
  if (size == 0) {
    if (auto base = now.get(Register::kRbp)) step.caller.set(Register::kRbp, *base);
  } else if (auto saved = stack_word(stack, at - 8); saved && *saved > at) {
    step.caller.set(Register::kRbp, *saved);
  }
  return step;
}

GoFrames::Step other_stack() {
  GoFrames::Step step;
  step.outcome = GoFrames::Step::Outcome::kOtherStack;
  return step;
}

}  // namespace

std::optional<GoFrames::Frame> GoFrames::frame_at(uint64_t pc, bool return_address) {
  uint64_t within = pc - (return_address ? 1 : 0);
  if (auto known = known_.find(within); known != known_.end()) return known->second;
  auto look_up = [&]() -> std::optional<Frame> {
    Module* module = modules_.at(within);
    const GoPcTable* table = module ? modules_.go_functions(*module) : nullptr;
    auto function = table ? table->at(within - module->bias) : std::nullopt;
    if (!function) return std::nullopt;
    std::string_view name = function->name.substr(0, function->name.find(".abi0"));
    auto size = table->frame_size(*function, within - module->bias);
    if (name == "runtime.asmcgocall" && size) return Frame{Frame::Kind::kCallsC, *size};
    // Wrappers, through which code compiled for registers calls them, have the same names and ordinary frames.
    bool switches = function->writes_stack_pointer || size.value_or(0) == 0;
    if (name == "runtime.systemstack" && switches && return_address)
      return Frame{Frame::Kind::kSystemStack, size.value_or(0)};
    if (name == "runtime.morestack" && switches && return_address) return Frame{Frame::Kind::kMoreStack, 0};
    if ((name == "runtime.sigtramp" || name == "runtime.cgoSigtramp") && size)
      return Frame{Frame::Kind::kSignal, *size};
    if (name == "runtime.clone") return Frame{Frame::Kind::kClone, 0};
    if (((name == "runtime.systemstack" || name == "runtime.morestack") && switches) || switches_stacks(name))
      return Frame{Frame::Kind::kSwitches, 0};
    if (function->begins_a_stack) return Frame{Frame::Kind::kFirst, 0};
    // cgocallback writes the stack pointer, too, but arranges for its frame to be right on both stacks.
    if (function->writes_stack_pointer && name != "runtime.cgocallback") return Frame{Frame::Kind::kSwitches, 0};
    return size ? std::optional(Frame{Frame::Kind::kOrdinary, *size}) : std::nullopt;
  };
  auto frame = look_up();
  if (known_.size() < kMostKnown) known_.emplace(within, frame);
  return frame;
}

std::optional<GoFrames::Step> GoFrames::step(const Registers& now, bool return_address,
                                             const std::vector<StackBytes>& stack,
                                             std::optional<uint64_t> thread_pointer) {
  auto frame = frame_at(now.pc(), return_address);
  if (!frame) return std::nullopt;
  switch (frame->kind) {
    case Frame::Kind::kFirst:
      return Step{};
    case Frame::Kind::kSwitches:
      return other_stack();
    case Frame::Kind::kCallsC:
      if (!return_address) return other_stack();
      return out_of_c(now, *frame, stack);
    case Frame::Kind::kSystemStack:
    case Frame::Kind::kMoreStack:
      return goroutine_stack(now, *frame, stack, thread_pointer);
    case Frame::Kind::kSignal: {
      // It is marked as the first of its stack, but the kernel called it with the trampoline as return address.
      Step step = caller_at(now, now.sp() + frame->size, frame->size, stack);
      if (step.outcome == Step::Outcome::kStepped && !is_sigreturn(modules_, step.caller.pc())) return Step{};
      return step;
    }
    case Frame::Kind::kClone: {
      // Two threads come out of it: the one that called it, and the new one, whose stack begins here.
      Step step = caller_at(now, now.sp(), 0, stack);
      bool called = !return_address && step.outcome == Step::Outcome::kStepped && in_newosproc(step.caller.pc());
      return called ? step : Step{};
    }
    case Frame::Kind::kOrdinary:
      break;
  }
  Step step = caller_at(now, now.sp() + frame->size, frame->size, stack);
  // A callback from C has the place where its goroutine left for C above it, as the runtime saved it: at the beginning
  // of systemstack_switch, which nothing called. No return address is the first of a Go function.
  if (step.outcome == Step::Outcome::kStepped) step.return_address = !begins_a_function(step.caller.pc());
  return step;
}

bool GoFrames::begins_a_function(uint64_t pc) {
  Module* module = modules_.at(pc);
  const GoPcTable* table = module ? modules_.go_functions(*module) : nullptr;
  auto function = table ? table->at(pc - module->bias) : std::nullopt;
  return function && function->entry == pc - module->bias;
}

// The only caller of runtime.clone; from Go 1.20 on through a closure.
bool GoFrames::in_newosproc(uint64_t return_address) {
  Module* module = modules_.at(return_address - 1);
  const GoPcTable* table = module ? modules_.go_functions(*module) : nullptr;
  auto function = table ? table->at(return_address - 1 - module->bias) : std::nullopt;
  return function && function->name.starts_with("runtime.newosproc");
}

// asmcgocall calls C on the stack of the thread, where it keeps the goroutine at 48 and how far below the end of the
// goroutine's stack it was called at 40; or, called on the thread's stack, 0 and where that was
// (src/runtime/asm_amd64.s of Go 1.19).
GoFrames::Step GoFrames::out_of_c(const Registers& now, const Frame& frame, const std::vector<StackBytes>& stack) {
  Step none = other_stack();
  auto goroutine = stack_word(stack, now.sp() + 48), saved = stack_word(stack, now.sp() + 40);
  if (!goroutine || !saved) {
    none.missing_address = now.sp() + 40;
    return none;
  }
  uint64_t sp = *saved;
  if (*goroutine != 0) {
    auto low = stack_word(stack, *goroutine), high = stack_word(stack, *goroutine + 8);
    if (!low || !high) {
      none.missing_address = *goroutine % 8 == 0 ? *goroutine : 0;
      return none;
    }
    if (*low >= *high || *saved > *high - *low) return none;
    sp = *high - *saved;
  }
  if (sp % 8 != 0 || frame.size > UINT64_MAX - 8 - sp) return none;
  Step step = caller_at(now, sp + frame.size, frame.size, stack);
  step.switched_stack = true;
  if (step.outcome == Step::Outcome::kBadMemory) step.outcome = Step::Outcome::kOtherStack;
  if (step.outcome == Step::Outcome::kStepped && !frame_at(step.caller.pc(), true)) return none;
  return step;
}

// The thread works on its own stack for the goroutine that it runs, whose stack goes on where systemstack left it, with
// the frame that systemstack has there, or, for want of room, in the function that called morestack. (Behind mcall
// there is nothing: its goroutine was given up, and may run elsewhere by now.)
GoFrames::Step GoFrames::goroutine_stack(const Registers& now, const Frame& frame, const std::vector<StackBytes>& stack,
                                         std::optional<uint64_t> thread_pointer) {
  Step none = other_stack();
  none.needs_thread_pointer = !thread_pointer;
  if (!thread_pointer) return none;
  auto thread = find_go_thread(*thread_pointer, [&](uint64_t address, void* destination, size_t size) {
    auto* to = static_cast<char*>(destination);
    for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
      auto word = stack_word(stack, address + at);
      if (!word && none.missing_address == 0) none.missing_address = address + at;
      if (!word) return false;
      std::memcpy(to + at, &*word, sizeof *word);
    }
    return true;
  });
  if (!thread || thread->sp > UINT64_MAX - frame.size) return none;
  // On the goroutine's own stack it did not leave it yet.
  if (thread->stack_begin <= now.sp() && now.sp() < thread->stack_end) return other_stack();
  Step step;
  if (frame.kind == Frame::Kind::kSystemStack) {
    step = caller_at({}, thread->sp + frame.size, frame.size, stack);
    if (step.outcome == Step::Outcome::kBadMemory) step.outcome = Step::Outcome::kOtherStack;
  } else {
    step.outcome = Step::Outcome::kStepped;
    step.caller.set(Register::kRip, thread->pc);
    step.caller.set(Register::kRsp, thread->sp);
  }
  step.switched_stack = true;
  if (step.outcome == Step::Outcome::kStepped && !frame_at(step.caller.pc(), true)) return other_stack();
  return step;
}

}  // namespace ec
