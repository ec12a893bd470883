#include "collector/target/freeze.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

#include "collector/target/freezer.h"

namespace ec {

namespace {

constexpr size_t kLargestArena = size_t{768} << 20;  // of address space; only touched pages take memory

// Waits for the child to end; kills it at the deadline. A pidfd would need a newer kernel.
bool wait_for_child(pid_t child, Deadline deadline) {
  while (true) {
    int status = 0;
    pid_t ended = waitpid(child, &status, WNOHANG);
    if (ended == child || (ended < 0 && errno != EINTR)) return true;
    if (deadline.passed()) break;
    timespec nap{0, 200'000};
    nanosleep(&nap, nullptr);
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, WNOHANG);
  return false;
}

}  // namespace

FreezeResult::FreezeResult(FreezeResult&& other) noexcept
    : threads(std::move(other.threads)),
      stop_ns(other.stop_ns),
      worst_ns(other.worst_ns),
      cut_short(other.cut_short),
      memory_(std::exchange(other.memory_, nullptr)),
      size_(other.size_) {}

FreezeResult::~FreezeResult() {
  if (memory_) munmap(memory_, size_);
}

StackBytes FreezeResult::bytes(uint64_t address, size_t offset, size_t size) const {
  if (offset > size_ || size > size_ - offset) return {};
  return {address, static_cast<const char*>(memory_) + offset, size};
}

StackBytes FreezeResult::stack(const FrozenThread& thread) const {
  return bytes(thread.stack_address, thread.stack_offset, thread.stack_size);
}

std::vector<StackBytes> FreezeResult::copies(const FrozenThread& thread) const {
  std::vector<StackBytes> all;
  for (size_t i = 0; i < std::min<size_t>(thread.piece_count, thread.pieces.size()); ++i)
    all.push_back(bytes(thread.pieces[i].address, thread.pieces[i].offset, thread.pieces[i].size));
  all.push_back(stack(thread));  // the last one may grow
  return all;
}

Result<FreezeResult> freeze_and_copy(const FreezeRequest& request, const AddressSpace& space) {
  const size_t room = request.tids.size() + kLateThreads;
  const size_t table = (sizeof(FreezerHeader) + room * sizeof(FrozenThread) + 4095) / 4096 * 4096;
  const size_t arena =
      std::min(kLargestArena, (request.together ? room : request.tids.size()) * (request.go ? 2 : 1) * kFrozenStackCap);
  void* memory =
      mmap(nullptr, table + arena, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return fail_errno("mmap", errno, "no room for copies of stacks");
  FreezeResult result(memory, table + arena);
  auto* bytes = static_cast<char*>(memory);
  FreezerHeader* header = new (memory) FreezerHeader{};
  auto* entries = reinterpret_cast<FrozenThread*>(bytes + sizeof(FreezerHeader));

  pid_t parent = getpid();
  pid_t child = fork();
  if (child < 0) return fail_errno("fork", errno, "no process for the stop");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(2);
    Freezer(request, space, {*header, entries, room, bytes + table, arena}).run();
    header->ended = true;
    _exit(0);
  }
  result.cut_short = !wait_for_child(child, request.deadline) || !header->ended;
  result.stop_ns = header->stop_ns;
  uint32_t count = std::min<uint32_t>(header->count.load(std::memory_order_acquire), static_cast<uint32_t>(room));
  result.threads.assign(entries, entries + count);
  for (FrozenThread& thread : result.threads) {
    thread.stack_offset += table;
    for (FrozenThread::Piece& piece : thread.pieces) piece.offset += table;
    result.worst_ns = std::max(result.worst_ns, thread.pause_ns);
  }
  return result;
}

}  // namespace ec
