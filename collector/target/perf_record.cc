#include "collector/target/perf_record.h"

#include <asm/perf_regs.h>
#include <linux/perf_event.h>

#include <array>

#include "collector/base/bytes.h"

namespace ec {

namespace {

constexpr uint64_t kMostKernelFrames = 1024;

// asm/perf_regs.h numbers the registers in another order than DWARF does.
constexpr std::array<std::pair<unsigned, Register>, 17> kOrder{{{PERF_REG_X86_AX, Register::kRax},
                                                                {PERF_REG_X86_BX, Register::kRbx},
                                                                {PERF_REG_X86_CX, Register::kRcx},
                                                                {PERF_REG_X86_DX, Register::kRdx},
                                                                {PERF_REG_X86_SI, Register::kRsi},
                                                                {PERF_REG_X86_DI, Register::kRdi},
                                                                {PERF_REG_X86_BP, Register::kRbp},
                                                                {PERF_REG_X86_SP, Register::kRsp},
                                                                {PERF_REG_X86_IP, Register::kRip},
                                                                {PERF_REG_X86_R8, Register::kR8},
                                                                {PERF_REG_X86_R9, Register::kR9},
                                                                {PERF_REG_X86_R10, Register::kR10},
                                                                {PERF_REG_X86_R11, Register::kR11},
                                                                {PERF_REG_X86_R12, Register::kR12},
                                                                {PERF_REG_X86_R13, Register::kR13},
                                                                {PERF_REG_X86_R14, Register::kR14},
                                                                {PERF_REG_X86_R15, Register::kR15}}};
constexpr bool kAscendingAndAll = [] {
  uint64_t mask = 0;
  for (const auto& each : kOrder) {
    if (mask >> each.first != 0) return false;
    mask |= uint64_t{1} << each.first;
  }
  return mask == kSampledRegisters;
}();
static_assert(kAscendingAndAll);

tl::unexpected<Error> expected(const ByteCursor& body, const char* what) {
  return fail(ErrorCode::kMalformed, fmt::format("perf record+{:#x}", body.offset()), fmt::format("expected {}", what));
}

// The list holds marks between the parts of user space and of the kernel: numbers that are no addresses.
bool take_callchain(ByteCursor& body, std::vector<uint64_t>& frames) {
  auto count = body.read<uint64_t>();
  if (!count || *count > body.remaining() / 8) return false;
  bool in_kernel = false;
  for (uint64_t i = 0; i < *count; ++i) {
    uint64_t address = *body.read<uint64_t>();
    if (address >= static_cast<uint64_t>(PERF_CONTEXT_MAX))
      in_kernel = address == static_cast<uint64_t>(PERF_CONTEXT_KERNEL);
    else if (in_kernel && frames.size() < kMostKernelFrames)
      frames.push_back(address);
  }
  return true;
}

bool take_registers(ByteCursor& body, Registers& registers) {
  auto abi = body.read<uint64_t>();
  if (!abi) return false;
  if (*abi == PERF_SAMPLE_REGS_ABI_NONE) return true;
  if (body.remaining() < kOrder.size() * 8) return false;
  for (const auto& each : kOrder) {
    uint64_t value = *body.read<uint64_t>();
    if (*abi == PERF_SAMPLE_REGS_ABI_64) registers.set(each.second, value);
  }
  return true;
}

Result<PerfRecord> parse_sample(ByteCursor body, PerfSampleForm form) {
  PerfSample sample;
  auto pid = body.read<int32_t>(), tid = body.read<int32_t>();
  auto time = body.read<uint64_t>();
  auto number = body.read<uint64_t>();
  if (!pid || !tid || !time || !number) return expected(body, "pid, tid, time, and period or address");
  sample.pid = *pid;
  sample.tid = *tid;
  sample.time_ns = *time;
  (form.address ? sample.address : sample.period) = *number;
  if (form.callchain && !take_callchain(body, sample.kernel_frames)) return expected(body, "a call chain");
  if (!take_registers(body, sample.registers)) return expected(body, "registers");
  auto room = body.read<uint64_t>();
  if (!room) return expected(body, "a stack");
  if (*room == 0) return sample;
  auto bytes = *room <= body.remaining() ? body.take(static_cast<size_t>(*room)) : std::nullopt;
  auto used = body.read<uint64_t>();
  if (!bytes || !used || *used > *room) return expected(body, "a stack and its size");
  sample.stack = {sample.registers.sp(), bytes->data(), static_cast<size_t>(*used)};
  sample.stack_cut = *used == *room;
  return sample;
}

// PERF_RECORD_FORK and PERF_RECORD_EXIT: pid, ppid, tid, ptid, time.
template <class T>
Result<PerfRecord> parse_task(ByteCursor body) {
  auto pid = body.read<int32_t>(), parent = body.read<int32_t>(), tid = body.read<int32_t>();
  if (!pid || !parent || !tid) return expected(body, "pid, ppid and tid");
  return T{*pid, *tid};
}

}  // namespace

Result<PerfRecord> parse_perf_record(uint32_t type, std::string_view bytes, PerfSampleForm form) {
  ByteCursor body(bytes);
  switch (type) {
    case PERF_RECORD_SAMPLE:
      return parse_sample(body, form);
    case PERF_RECORD_LOST: {
      auto id = body.read<uint64_t>(), lost = body.read<uint64_t>();
      if (!id || !lost) return expected(body, "how many were lost");
      return PerfLost{*lost};
    }
    case PERF_RECORD_FORK:
      return parse_task<PerfFork>(body);
    case PERF_RECORD_EXIT:
      return parse_task<PerfExit>(body);
    case PERF_RECORD_MMAP:
    case PERF_RECORD_MMAP2:
      return PerfMapped{};
    default:
      return std::monostate{};
  }
}

}  // namespace ec
