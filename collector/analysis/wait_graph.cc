#include "collector/analysis/wait_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "collector/analysis/runtime_waits.h"
#include "collector/base/text.h"

namespace ec {

namespace {

template <class T, class Key>
const T* find_by(const std::vector<T>& sorted, int tid, Key key) {
  auto found = std::lower_bound(sorted.begin(), sorted.end(), tid, [&](const T& each, int t) { return key(each) < t; });
  return found != sorted.end() && key(*found) == tid ? &*found : nullptr;
}

}  // namespace

const Wait* WaitGraph::wait_of(int tid) const {
  return find_by(waits, tid, [](const Wait& wait) { return wait.waiter; });
}

const WaitObject* WaitGraph::object_of(int waiter) const {
  const Wait* wait = wait_of(waiter);
  return wait ? &objects[wait->object_index] : nullptr;
}

namespace {

constexpr size_t kMostFrames = 4096;  // of one stack, when a function is searched for in it

std::vector<std::string_view> innermost_functions(const ThreadIndex& index, int tid) {
  std::vector<std::string_view> functions;
  if (const Stack* stack = index.stack(tid))
    for (size_t i = 0; i < std::min(stack->frames.size(), kWitnessFrames); ++i)
      if (const Frame* frame = index.frame(stack->frames[i])) functions.push_back(frame->symbol);
  return functions;
}

bool is_once(std::string_view symbol) {
  return symbol.find("pthread_once") != std::string_view::npos || symbol.find("call_once") != std::string_view::npos ||
         symbol.starts_with("__gthread_once");
}

// The function whose static variable is constructed, or the caller of pthread_once: the first behind the library's.
std::string_view guarded_function(const ThreadIndex& index, int tid, WaitKind kind) {
  const Stack* stack = index.stack(tid);
  if (!stack) return {};
  bool behind = false;
  for (size_t i = 0; i < std::min(stack->frames.size(), size_t{16}); ++i) {
    const Frame* frame = index.frame(stack->frames[i]);
    if (!frame) return {};
    bool library = kind == WaitKind::kOnce ? is_once(frame->symbol) : frame->symbol == "__cxa_guard_acquire";
    if (behind && !library) return frame->symbol;
    behind |= library;
  }
  return {};
}

// Who runs what the others wait for is not written anywhere. The one other thread that has the same function on its
// stack, and more frames inside of it, is taken for it; two of them are none.
class Initialisers {
 public:
  Initialisers(const Snapshot& snapshot, const ThreadIndex& index) : snapshot_(snapshot), index_(index) {}

  int of(const Wait& wait, const WaitGraph& graph) {
    std::string function(guarded_function(index_, wait.waiter, wait.kind));
    if (function.empty()) return 0;
    auto [known, fresh] = known_.try_emplace({wait.object, function}, 0);
    if (fresh) known->second = search(wait, function, graph);
    return known->second;
  }

 private:
  bool is_inside(int tid, const std::string& function, WaitKind kind) const {
    const Stack* stack = index_.stack(tid);
    if (!stack) return false;
    bool through_once = kind != WaitKind::kOnce;
    for (size_t i = 0; i < std::min(stack->frames.size(), kMostFrames); ++i) {
      const Frame* frame = index_.frame(stack->frames[i]);
      if (!frame) continue;
      if (i > 0 && through_once && frame->symbol == function) return true;
      through_once |= is_once(frame->symbol);
    }
    return false;
  }

  int search(const Wait& wait, const std::string& function, const WaitGraph& graph) const {
    int found = 0;
    for (const ThreadStack& thread : snapshot_.stacks->threads) {
      const Wait* own = graph.wait_of(thread.tid);
      if ((own && own->object == wait.object) || !is_inside(thread.tid, function, wait.kind)) continue;
      if (found != 0) return 0;
      found = thread.tid;
    }
    return found;
  }

  const Snapshot& snapshot_;
  const ThreadIndex& index_;
  std::map<std::pair<uint64_t, std::string>, int> known_;
};

void infer_owners(const Snapshot& snapshot, const ThreadIndex& index, WaitGraph& graph) {
  if (!snapshot.stacks) return;
  Initialisers initialisers(snapshot, index);
  for (Wait& wait : graph.waits) {
    if (wait.kind != WaitKind::kStaticInit && wait.kind != WaitKind::kOnce) continue;
    wait.owner = initialisers.of(wait, graph);
    wait.inferred = wait.owner != 0;
  }
}

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

std::string symbol_of(const Thread* thread, const Wait& wait) {
  if (wait.by_runtime) return printable_line(wait.name, 120);
  if (!thread || !thread->futex || thread->futex->symbol.empty()) return "";
  uint64_t before = wait.futex - wait.object;  // of the word in the object
  std::string name = printable_line(thread->futex->symbol, 120);
  if (thread->futex->symbol_offset <= before) return name;
  return fmt::format("{}+{:#x}", name, thread->futex->symbol_offset - before);
}

void find_objects(const ThreadIndex& index, WaitGraph& graph) {
  std::unordered_map<uint64_t, size_t> by_address;
  for (auto& wait : graph.waits) {
    auto [found, fresh] = by_address.try_emplace(wait.object, graph.objects.size());
    if (fresh) {
      auto& object = graph.objects.emplace_back();
      object.address = wait.object;
      object.kind = wait.kind;
      object.symbol = symbol_of(index.thread(wait.waiter), wait);
    }
    auto& object = graph.objects[found->second];
    object.waiters.push_back(wait.waiter);
    // Read one after the other: the lock may have changed hands meanwhile. The last known owner is shown.
    if (wait.owner != 0) object.owner = wait.owner, object.inferred = wait.inferred;
    if (wait.readers != 0) object.readers = wait.readers;
  }
  std::stable_sort(graph.objects.begin(), graph.objects.end(),
                   [](const WaitObject& a, const WaitObject& b) { return a.waiters.size() > b.waiters.size(); });
  for (size_t i = 0; i < graph.objects.size(); ++i) by_address[graph.objects[i].address] = i;
  for (auto& wait : graph.waits) wait.object_index = by_address[wait.object];
}

// Every thread waits for one object, so that there is one way from it: followed once, from the outside inwards.
void find_roots(WaitGraph& graph) {
  struct Node {
    size_t open = 0;     // waiters that are not counted yet
    size_t waiters = 0;  // counted
    size_t depth = 0;
    int deepest = 0;  // the waiter on the longest way
  };
  std::unordered_map<int, Node> nodes;
  for (auto& wait : graph.waits)
    if (wait.owner != 0) ++nodes[wait.owner].open, nodes.try_emplace(wait.waiter);
  std::vector<int> ready;
  for (auto& wait : graph.waits)
    if (auto node = nodes.find(wait.waiter); node != nodes.end() && node->second.open == 0)
      ready.push_back(wait.waiter);
  std::vector<int> roots;
  while (!ready.empty()) {
    int tid = ready.back();
    ready.pop_back();
    const Node node = nodes[tid];
    const Wait* wait = graph.wait_of(tid);
    if (!wait || wait->owner == 0) {
      if (node.waiters > 0) roots.push_back(tid);
      continue;
    }
    Node& next = nodes[wait->owner];
    next.waiters += node.waiters + 1;
    if (node.depth + 1 > next.depth || (node.depth + 1 == next.depth && tid < next.deepest))
      next.depth = node.depth + 1, next.deepest = tid;
    if (--next.open == 0) ready.push_back(wait->owner);  // members of a circle are never ready
  }
  for (int tid : roots) {
    WaitRoot root{tid, nodes[tid].waiters, {}};
    for (int on_way = tid; on_way != 0; on_way = nodes[on_way].deepest) root.chain.push_back(on_way);
    std::reverse(root.chain.begin(), root.chain.end());
    graph.roots.push_back(std::move(root));
  }
  std::sort(graph.roots.begin(), graph.roots.end(), [](const WaitRoot& a, const WaitRoot& b) {
    return a.waiters != b.waiters ? a.waiters > b.waiters : a.tid < b.tid;
  });
}

}  // namespace

WaitGraph build_wait_graph(const Snapshot& snapshot, const ThreadIndex& index) {
  WaitGraph graph;
  if (!snapshot.threads) return graph;
  TidMap tids;
  tids.reserve(snapshot.threads->size());
  for (auto& thread : *snapshot.threads)
    if (thread.state != 'Z' && thread.state != 'X')
      tids.emplace(thread.ns_tid != 0 ? thread.ns_tid : thread.tid, thread.tid);
  for (auto& thread : *snapshot.threads)
    if (auto wait = futex_wait(thread, innermost_functions(index, thread.tid), tids)) graph.waits.push_back(*wait);
  refine_waits(snapshot, index, graph);
  std::sort(graph.waits.begin(), graph.waits.end(), [](const Wait& a, const Wait& b) { return a.waiter < b.waiter; });
  infer_owners(snapshot, index, graph);
  find_cycles(graph);
  find_objects(index, graph);
  find_roots(graph);
  return graph;
}

std::optional<bool> stood_still(const ThreadIndex& index, const std::vector<int>& tids) {
  bool known = true;
  // What a core holds is of one moment: nobody could move while it was written.
  bool in_core = std::all_of(tids.begin(), tids.end(), [&](int tid) {
    const ThreadStack* stack = index.thread_stack(tid);
    return stack && stack->read_by == "core";
  });
  if (in_core) return true;
  for (int tid : tids) {
    const Thread* thread = index.thread(tid);
    const ThreadStack* stack = index.thread_stack(tid);
    bool stopped = stack && stack->pause_us > 0;
    if (!thread || !thread->cpu_cores || (stopped && *thread->cpu_cores > 0))
      known = false;
    else if (*thread->cpu_cores > 0 || thread->switched.value_or(false))
      return false;
  }
  return known ? std::optional(true) : std::nullopt;
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
