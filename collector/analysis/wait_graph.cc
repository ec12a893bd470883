#include "collector/analysis/wait_graph.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <unordered_map>

namespace ec {

std::string_view to_string(LockKind kind) {
  static constexpr std::array<std::string_view, 9> kWords{"mutex",
                                                          "mutex (priority inheritance)",
                                                          "mutex (robust)",
                                                          "read-write lock (to write)",
                                                          "read-write lock (to read)",
                                                          "end of a thread (join)",
                                                          "stdio lock",
                                                          "lock inside the C library",
                                                          "mutex (no owner written)"};
  return kWords.at(static_cast<size_t>(kind));
}

const Wait* WaitGraph::wait_of(int tid) const {
  auto found = std::lower_bound(waits.begin(), waits.end(), tid, [](const Wait& w, int t) { return w.waiter < t; });
  return found != waits.end() && found->waiter == tid ? &*found : nullptr;
}

namespace {

constexpr int kWordOffset = 48;  // FutexMemory: the futex word stands at this offset
constexpr uint32_t kTidMask = 0x3fffffff, kOwnerDied = 0x40000000, kWaiters = 0x80000000;  // linux/futex.h
constexpr int kFutexWait = 0, kFutexLockPi = 6, kFutexWaitBitset = 9, kFutexLockPi2 = 13;
constexpr uint64_t kPrivate = 128;
// glibc nptl/pthreadP.h, enum of mutex kinds: type 0…3, robust 0x10, PI 0x20, PP 0x40, pshared 0x80, elision 0x100
// 0x200.
constexpr uint32_t kKnownKindBits = 0x3f3, kRobust = 0x10, kPriorityProtect = 0x40;
// glibc nptl/pthread_rwlock_common.c: bits of __readers.
constexpr uint32_t kWritePhase = 1, kWriteLocked = 2, kReaderShift = 3;

using TidMap = std::unordered_map<int, int>;  // number in the target's PID namespace → tid

struct FutexCall {
  uint64_t address = 0, operation = 0;
  uint32_t value = 0;
  bool timed = false;
  int command() const { return static_cast<int>(operation & 0x7f); }
  bool is_private() const { return operation & kPrivate; }
};

std::optional<FutexCall> futex_call(const Thread& thread) {
  if (!thread.call || thread.call->arguments.size() < 4 || !thread.futex) return std::nullopt;
  auto& call = *thread.call;
  // A futex wait that a signal or a stop interrupted goes on as restart_syscall, with the old arguments still in place.
  bool restarted = call.name == "restart_syscall";
  if (call.name != "futex" && !restarted) return std::nullopt;
  FutexCall futex{call.arguments[0], call.arguments[1], static_cast<uint32_t>(call.arguments[2]),
                  call.arguments[3] != 0};
  if (futex.address != thread.futex->address || futex.operation > 0x1ff) return std::nullopt;
  int command = futex.command();
  if (command != kFutexWait && command != kFutexWaitBitset && command != kFutexLockPi && command != kFutexLockPi2)
    return std::nullopt;
  return futex;
}

class Object {
 public:
  Object(const Thread& thread, const FutexCall& call, const TidMap& tids)
      : bytes_(thread.futex->bytes), tids_(tids), call_(call) {
    wait_.waiter = thread.tid;
    wait_.object = wait_.futex = call.address;
    wait_.timed = call.timed;
  }

  std::optional<Wait> recognise() {
    auto word = at(0);
    if (!word) return std::nullopt;
    word_ = *word;
    if (call_.command() == kFutexLockPi || call_.command() == kFutexLockPi2) return priority_mutex();
    if (robust_mutex() || mutex() || join() || rwlock() || musl_mutex() || ownerless()) return wait_;
    return std::nullopt;
  }

 private:
  // The 32-bit number at `delta` bytes from the futex word.
  std::optional<uint32_t> at(int delta) const {
    int begin = kWordOffset + delta;
    if (begin < 0 || static_cast<size_t>(begin) + 4 > bytes_.size()) return std::nullopt;
    uint32_t value;
    std::memcpy(&value, bytes_.data() + begin, 4);
    return value;
  }
  uint32_t at_or_zero(int delta) const { return at(delta).value_or(0); }

  // tid of the living thread with this number in the target's namespace; 0 = none.
  int live(uint32_t number) const {
    if (number == 0 || number > kTidMask) return 0;
    auto found = tids_.find(static_cast<int>(number));
    return found == tids_.end() ? 0 : found->second;
  }

  bool is(LockKind kind, int owner, uint64_t object) {
    wait_.kind = kind;
    wait_.owner = owner;
    wait_.object = object;
    return true;
  }

  std::optional<Wait> priority_mutex() {
    uint32_t number = word_ & kTidMask;
    is(LockKind::kPriorityMutex, live(number), call_.address);
    wait_.owner_died = word_ & kOwnerDied;
    if (wait_.owner == 0 && number != 0) wait_.vanished_owner = static_cast<int>(number);
    // The kernel refuses PI locks of one's own with EDEADLK: such an edge is a misreading.
    if (wait_.owner == wait_.waiter) wait_.owner = 0;
    return wait_;
  }

  bool kind_known() const {
    auto kind = at(16);
    return kind && (*kind & ~kKnownKindBits) == 0 && !(*kind & kPriorityProtect);
  }

  bool robust_mutex() {
    if (!(call_.value & kWaiters) || !kind_known() || !(at_or_zero(16) & kRobust)) return false;
    uint32_t number = word_ & kTidMask;
    is(LockKind::kRobustMutex, live(number), call_.address);
    wait_.owner_died = word_ & kOwnerDied;
    if (wait_.owner == wait_.waiter) wait_.owner = 0;
    return true;
  }

  // __lock @0, __count @4, __owner @8, __nusers @12, __kind @16: the same on x86-64 and aarch64.
  bool mutex() {
    if (call_.value != 2 || (word_ != 1 && word_ != 2) || !kind_known() || (at_or_zero(16) & kRobust)) return false;
    uint32_t owner = at_or_zero(8), users = at_or_zero(12), type = at_or_zero(16) & 3;
    if (users == 0 || users > 0x100000 || owner == 0 || owner > kTidMask) return false;
    int tid = live(owner);
    // A recursive (1) or error-checking (2) mutex never blocks its own owner.
    if (tid == wait_.waiter && (type == 1 || type == 2)) return false;
    is(LockKind::kMutex, tid, call_.address);
    if (tid == 0) wait_.vanished_owner = static_cast<int>(owner);
    return true;
  }

  // struct pthread.tid of the joinee: the kernel clears it when that thread ends (CLONE_CHILD_CLEARTID), so the wait is
  // a shared one.
  bool join() {
    if (call_.is_private() || call_.value == 0 || call_.value != word_) return false;
    int tid = live(word_);
    if (tid == 0 || tid == wait_.waiter) return false;
    return is(LockKind::kJoin, tid, call_.address);
  }

  // __readers @0, __writers @4, __wrphase_futex @8, __writers_futex @12, __cur_writer @24, __shared @28.
  bool rwlock() {
    if (call_.command() != kFutexWaitBitset) return false;
    auto shared_is_flag = [&](int start) {
      auto flag = at(start + 28);
      return flag && (*flag & 0xff) <= 1;
    };
    bool by_writers_futex = call_.value == 3 && shared_is_flag(-12) && (at_or_zero(-12) & kWriteLocked);
    // glibc answers EDEADLK to the writer that asks again: nobody waits for itself here.
    auto writer_at = [&](int delta) {
      int tid = live(at_or_zero(delta));
      return tid == wait_.waiter ? 0 : tid;
    };
    if (by_writers_futex)
      if (int writer = writer_at(12)) return is(LockKind::kRwlockWrite, writer, call_.address - 12);
    bool by_phase_futex = call_.value == 3 && shared_is_flag(-8) && (at_or_zero(-8) & kWritePhase);
    if (by_phase_futex)
      if (int writer = writer_at(16)) return is(LockKind::kRwlockRead, writer, call_.address - 8);
    // A writer that waits for readers: their number is known, their names are not.
    uint32_t readers = at_or_zero(-8) >> kReaderShift;
    if (call_.value == 2 && word_ == 2 && shared_is_flag(-8) && (at_or_zero(-8) & kWriteLocked) &&
        at_or_zero(16) == 0 && readers > 0 && readers < 0x100000) {
      wait_.readers = readers;
      return is(LockKind::kRwlockWrite, 0, call_.address - 8);
    }
    return false;
  }

  // musl: _m_type @-4, _m_lock @0; owner in its low 30 bits except for normal mutexes, which hold EBUSY (16).
  bool musl_mutex() {
    if (call_.command() != kFutexWait || !(call_.value & kWaiters) || call_.value != word_) return false;
    auto type = at(-4);
    if (!type || (*type & ~uint32_t{0x8f}) != 0) return false;
    if ((*type & 3) == 0) return (word_ & kTidMask) == 16 && is(LockKind::kNoOwnerMutex, 0, call_.address - 4);
    int tid = live(word_ & kTidMask);
    return tid != 0 && tid != wait_.waiter && is(LockKind::kMutex, tid, call_.address - 4);
  }

  bool ownerless() {
    if (call_.command() != kFutexWait || call_.value != 2 || word_ != 2 || !call_.is_private()) return false;
    // _IO_lock_t: lock @0, cnt @4, owner @8 as pointer to the owner's thread block.
    uint64_t pointer = at_or_zero(8) | uint64_t{at_or_zero(12)} << 32;
    uint32_t count = at_or_zero(4);
    bool stdio =
        count >= 1 && count < 0x10000 && pointer > 0x10000 && pointer < (uint64_t{1} << 47) && pointer % 16 == 0;
    return is(stdio ? LockKind::kStdio : LockKind::kLowLevel, 0, call_.address);
  }

  std::string_view bytes_;
  const TidMap& tids_;
  FutexCall call_;
  uint32_t word_ = 0;
  Wait wait_;
};

// The members of one strong component in the order of the arrows. A thread waits for one object, so there is one way
// round.
std::vector<int> along_the_arrows(const WaitGraph& graph, int start) {
  std::vector<int> cycle;
  int tid = start;
  do {
    cycle.push_back(tid);
    const Wait* wait = graph.wait_of(tid);
    tid = wait ? wait->owner : start;
  } while (tid != start && cycle.size() <= graph.waits.size());
  return cycle;
}

void find_cycles(WaitGraph& graph) {
  std::unordered_map<int, uint32_t> node_of;
  std::vector<int> tids;
  auto node = [&](int tid) {
    auto [found, fresh] = node_of.try_emplace(tid, static_cast<uint32_t>(tids.size()));
    if (fresh) tids.push_back(tid);
    return found->second;
  };
  std::vector<std::pair<uint32_t, uint32_t>> arrows;
  for (auto& wait : graph.waits)
    if (wait.owner != 0) arrows.emplace_back(node(wait.waiter), node(wait.owner));
  std::vector<std::vector<uint32_t>> edges(tids.size());
  for (auto& [from, to] : arrows) edges[from].push_back(to);
  for (auto& component : strong_components(edges)) {
    int smallest = tids[component.front()];
    for (uint32_t member : component) smallest = std::min(smallest, tids[member]);
    graph.cycles.push_back(along_the_arrows(graph, smallest));
  }
  std::sort(graph.cycles.begin(), graph.cycles.end());
}

void find_crowds(WaitGraph& graph) {
  std::unordered_map<uint64_t, size_t> by_object;
  std::vector<LockCrowd> crowds;
  for (auto& wait : graph.waits) {
    auto [found, fresh] = by_object.try_emplace(wait.object, crowds.size());
    if (fresh) crowds.push_back({wait.object, wait.kind, 0, 0, {}});
    auto& crowd = crowds[found->second];
    crowd.waiters.push_back(wait.waiter);
    // Read one after the other: the lock may have changed hands meanwhile. The last known owner is shown.
    if (wait.owner != 0) crowd.owner = wait.owner;
    if (wait.readers != 0) crowd.readers = wait.readers;
  }
  std::erase_if(crowds, [](const LockCrowd& crowd) { return crowd.waiters.size() < 2; });
  std::stable_sort(crowds.begin(), crowds.end(),
                   [](const LockCrowd& a, const LockCrowd& b) { return a.waiters.size() > b.waiters.size(); });
  graph.crowds = std::move(crowds);
}

}  // namespace

WaitGraph build_wait_graph(const std::vector<Thread>& threads) {
  WaitGraph graph;
  TidMap tids;
  tids.reserve(threads.size());
  for (auto& thread : threads)
    if (thread.state != 'Z' && thread.state != 'X')
      tids.emplace(thread.ns_tid != 0 ? thread.ns_tid : thread.tid, thread.tid);
  for (auto& thread : threads) {
    auto call = futex_call(thread);
    if (!call) continue;
    if (auto wait = Object(thread, *call, tids).recognise()) graph.waits.push_back(*wait);
  }
  std::sort(graph.waits.begin(), graph.waits.end(), [](const Wait& a, const Wait& b) { return a.waiter < b.waiter; });
  find_cycles(graph);
  find_crowds(graph);
  return graph;
}

std::vector<std::vector<uint32_t>> strong_components(const std::vector<std::vector<uint32_t>>& edges) {
  constexpr uint32_t kUnseen = UINT32_MAX;
  struct Visit {
    uint32_t node;
    size_t next_edge;
  };
  std::vector<uint32_t> order(edges.size(), kUnseen), low(edges.size(), 0), open;
  std::vector<bool> is_open(edges.size(), false);
  std::vector<std::vector<uint32_t>> components;
  std::vector<Visit> path;
  uint32_t counter = 0;
  auto enter = [&](uint32_t node) {
    order[node] = low[node] = counter++;
    open.push_back(node);
    is_open[node] = true;
    path.push_back({node, 0});
  };
  auto close = [&](uint32_t root) {
    std::vector<uint32_t> component;
    uint32_t member;
    do {
      member = open.back();
      open.pop_back();
      is_open[member] = false;
      component.push_back(member);
    } while (member != root);
    bool loop = std::find(edges[root].begin(), edges[root].end(), root) != edges[root].end();
    if (component.size() < 2 && !loop) return;
    std::sort(component.begin(), component.end());
    components.push_back(std::move(component));
  };
  for (uint32_t start = 0; start < edges.size(); ++start) {
    if (order[start] != kUnseen) continue;
    enter(start);
    while (!path.empty()) {
      uint32_t node = path.back().node;
      if (path.back().next_edge < edges[node].size()) {
        uint32_t next = edges[node][path.back().next_edge++];
        if (order[next] == kUnseen)
          enter(next);
        else if (is_open[next])
          low[node] = std::min(low[node], order[next]);
        continue;
      }
      path.pop_back();
      if (!path.empty()) low[path.back().node] = std::min(low[path.back().node], low[node]);
      if (low[node] == order[node]) close(node);
    }
  }
  return components;
}

}  // namespace ec
