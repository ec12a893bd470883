#include "collector/target/perf_record.h"

#include <linux/perf_event.h>

#include <catch2/catch.hpp>

using namespace ec;

namespace {

constexpr PerfSampleForm kWithFrames{false, true};

template <class T>
void put(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// A sample as the kernel lays it out, perf_event_open(2): here with `stack` bytes copied into a room of 32.
std::string sample(const std::vector<uint64_t>& callchain, uint64_t abi, const std::string& stack) {
  std::string bytes;
  put<int32_t>(bytes, 42);  // pid
  put<int32_t>(bytes, 43);  // tid
  put<uint64_t>(bytes, 1'000'000);
  put<uint64_t>(bytes, 10'101'010);
  put<uint64_t>(bytes, callchain.size());
  for (uint64_t each : callchain) put(bytes, each);
  put(bytes, abi);
  // ax bx cx dx si di bp sp ip r8 … r15
  for (uint64_t i = 0; abi != 0 && i < 17; ++i) put<uint64_t>(bytes, 0x100 + i);
  put<uint64_t>(bytes, 32);
  bytes += stack;
  bytes.resize(bytes.size() + 32 - stack.size());
  put<uint64_t>(bytes, stack.size());
  return bytes;
}

}  // namespace

TEST_CASE("a sample has registers by their names, a stack from the stack pointer, and kernel frames") {
  std::string bytes = sample({static_cast<uint64_t>(PERF_CONTEXT_KERNEL), 0xffffffff81000010, 0xffffffff81000020,
                              static_cast<uint64_t>(PERF_CONTEXT_USER), 0x5000},
                             PERF_SAMPLE_REGS_ABI_64, "abcdefgh");
  auto record = parse_perf_record(PERF_RECORD_SAMPLE, bytes, kWithFrames);
  REQUIRE(record);
  const auto& got = std::get<PerfSample>(*record);
  CHECK(got.pid == 42);
  CHECK(got.tid == 43);
  CHECK(got.period == 10'101'010);
  CHECK(got.kernel_frames == std::vector<uint64_t>{0xffffffff81000010, 0xffffffff81000020});
  CHECK(got.registers.get(Register::kRax) == 0x100);
  CHECK(got.registers.get(Register::kRdx) == 0x103);
  CHECK(got.registers.sp() == 0x107);
  CHECK(got.registers.pc() == 0x108);
  CHECK(got.registers.get(Register::kR15) == 0x110);
  CHECK(got.stack.address == 0x107);
  CHECK(std::string_view(got.stack.data, got.stack.size) == "abcdefgh");
  CHECK_FALSE(got.stack_cut);
}

TEST_CASE("a sample of a page fault has the address that was touched") {
  std::string bytes = sample({}, PERF_SAMPLE_REGS_ABI_64, "abcdefgh");
  std::string address;
  put<uint64_t>(address, 0x7f0000001000);
  bytes.replace(16, 16, address);  // behind pid, tid and time, in place of period and call chain
  auto record = parse_perf_record(PERF_RECORD_SAMPLE, bytes, {true, false});
  REQUIRE(record);
  const auto& got = std::get<PerfSample>(*record);
  CHECK(got.address == 0x7f0000001000);
  CHECK(got.period == 0);
  CHECK(got.registers.pc() == 0x108);
}

TEST_CASE("a stack that fills its room may go on, and 32-bit code has no registers that are read") {
  auto record =
      parse_perf_record(PERF_RECORD_SAMPLE, sample({}, PERF_SAMPLE_REGS_ABI_32, std::string(32, 'x')), kWithFrames);
  REQUIRE(record);
  CHECK(std::get<PerfSample>(*record).stack_cut);
  CHECK(std::get<PerfSample>(*record).registers.pc() == 0);
  auto none = parse_perf_record(PERF_RECORD_SAMPLE, sample({}, PERF_SAMPLE_REGS_ABI_NONE, ""), kWithFrames);
  REQUIRE(none);
  CHECK(std::get<PerfSample>(*none).stack.size == 0);
}

TEST_CASE("a sample that is cut anywhere is malformed") {
  std::string bytes = sample({1, 2}, PERF_SAMPLE_REGS_ABI_64, "abcdefgh");
  for (size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(parse_perf_record(PERF_RECORD_SAMPLE, std::string_view(bytes).substr(0, size), kWithFrames));
  std::string longer = bytes;
  longer[24] = 127;  // frames of the call chain
  CHECK_FALSE(parse_perf_record(PERF_RECORD_SAMPLE, longer, kWithFrames));
}

TEST_CASE("records of tasks, of what was lost, and of no interest") {
  std::string task;
  for (int32_t value : {42, 42, 50, 43}) put(task, value);
  auto fork = parse_perf_record(PERF_RECORD_FORK, task, kWithFrames);
  REQUIRE(fork);
  CHECK(std::get<PerfFork>(*fork).tid == 50);
  auto exit = parse_perf_record(PERF_RECORD_EXIT, task, kWithFrames);
  REQUIRE(exit);
  CHECK(std::get<PerfExit>(*exit).pid == 42);
  std::string lost;
  put<uint64_t>(lost, 1);
  put<uint64_t>(lost, 17);
  auto count = parse_perf_record(PERF_RECORD_LOST, lost, kWithFrames);
  REQUIRE(count);
  CHECK(std::get<PerfLost>(*count).records == 17);
  CHECK(std::holds_alternative<std::monostate>(parse_perf_record(9999, "", kWithFrames).value()));
}
