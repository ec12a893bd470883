#include <fmt/format.h>

#include <iterator>

#include "collector/analysis/wait_words.h"
#include "collector/analysis/words.h"
#include "collector/report/derived.h"
#include "collector/report/json_text.h"
#include "collector/report/waits_svg.h"

namespace ec::derived {

namespace {

using Out = std::back_insert_iterator<std::string>;

// A number, or null when there is none.
std::string tid_or_null(int tid) { return tid == 0 ? "null" : std::to_string(tid); }

std::string still_word(const std::optional<bool>& still) { return !still ? "null" : *still ? "true" : "false"; }

std::string_view verdict_word(CycleVerdict verdict) {
  switch (verdict) {
    case CycleVerdict::kDeadlock:
      return "deadlock";
    case CycleVerdict::kSuspect:
      return "suspect";
    case CycleVerdict::kContended:
      return "contended";
  }
  return {};
}

std::string name_of(const ThreadIndex& index, int tid) {
  auto* thread = index.thread(tid);
  return thread ? thread->name : "";
}

void wait_json(std::string& out, const ThreadIndex& index, const Wait& wait) {
  fmt::format_to(Out(out), "{{\"waiter\":{},", wait.waiter);
  append_json_field(out, "name", name_of(index, wait.waiter));
  append_json_field(out, "kind", word_of(wait.kind));
  fmt::format_to(Out(out), "\"object\":\"{:#x}\",\"futex\":\"{:#x}\",\"owner\":{},", wait.object, wait.futex,
                 tid_or_null(wait.owner));
  append_json_field(out, "function", program_function(index, wait.waiter));
  if (wait.by_runtime) out += "\"by_runtime\":true,";
  if (wait.inferred) out += "\"owner_inferred\":true,";
  if (wait.owner_died) out += "\"owner_died\":true,";
  if (wait.vanished_owner != 0) fmt::format_to(Out(out), "\"vanished_owner\":{},", wait.vanished_owner);
  fmt::format_to(Out(out), "\"timed\":{},\"confirmed_by_stack\":{},\"stood_still\":{}}}", wait.timed, wait.confirmed,
                 still_word(stood_still(index, {wait.waiter})));
}

void object_json(std::string& out, const ThreadIndex& index, const WaitObject& object) {
  fmt::format_to(Out(out), "{{\"address\":\"{:#x}\",", object.address);
  append_json_field(out, "kind", word_of(object.kind));
  append_json_field(out, "name", object.symbol);
  fmt::format_to(Out(out), "\"owner\":{},", tid_or_null(object.owner));
  append_json_field(out, "owner_name", object.owner == 0 ? "" : name_of(index, object.owner));
  append_json_field(out, "why_no_owner", why_no_owner(object));
  if (object.inferred) out += "\"owner_inferred\":true,";
  if (object.readers > 0) fmt::format_to(Out(out), "\"readers\":{},", object.readers);
  fmt::format_to(Out(out), "\"waiters\":[{}]}}", fmt::join(object.waiters, ","));
}

std::string objects_along(const WaitGraph& graph, const std::vector<int>& tids) {
  std::string out;
  for (int tid : tids)
    if (auto* wait = graph.wait_of(tid); wait && wait->owner != 0)
      fmt::format_to(Out(out), "{}\"{:#x}\"", out.empty() ? "" : ",", wait->object);
  return out;
}

void cycle_json(std::string& out, const ThreadIndex& index, const WaitGraph& graph, const std::vector<int>& cycle) {
  fmt::format_to(Out(out), "{{\"verdict\":\"{}\",\"tids\":[{}],\"objects\":[{}]}}",
                 verdict_word(judge(index, graph, cycle)), fmt::join(cycle, ","), objects_along(graph, cycle));
}

void chain_json(std::string& out, const WaitGraph& graph, const WaitRoot& root) {
  fmt::format_to(Out(out), "{{\"root\":{},\"tids\":[{}],\"objects\":[{}]}}", root.tid, fmt::join(root.chain, ","),
                 objects_along(graph, root.chain));
}

void root_json(std::string& out, const ThreadIndex& index, const WaitRoot& root) {
  fmt::format_to(Out(out), "{{\"tid\":{},", root.tid);
  append_json_field(out, "name", name_of(index, root.tid));
  fmt::format_to(Out(out), "\"waiters\":{},", root.waiters);
  auto* thread = index.thread(root.tid);
  append_json_field(out, "doing", thread ? doing(index, *thread) : "");
  append_json_field(out, "function", program_function(index, root.tid));
  out += "\"stack\":[";
  if (auto* stack = index.stack(root.tid))
    for (size_t i = 0; i < stack->frames.size(); ++i) {
      if (i > 0) out += ',';
      auto* frame = index.frame(stack->frames[i]);
      append_json_string(out, frame ? frame_name(*frame, 300) : "");
    }
  out += "]}";
}

template <class List, class Print>
void list_json(std::string& out, std::string_view name, const List& list, Print print) {
  fmt::format_to(Out(out), ",\"{}\":[", name);
  bool first = true;
  for (auto& each : list) {
    out += first ? "\n" : ",\n";
    first = false;
    print(each);
  }
  out += "\n]";
}

std::string waits_json(const ThreadIndex& index, const WaitGraph& graph, size_t threads) {
  std::string out = fmt::format("{{\"schema\":1,\"threads\":{}", threads);
  list_json(out, "objects", graph.objects, [&](auto& object) { object_json(out, index, object); });
  list_json(out, "cycles", graph.cycles, [&](auto& cycle) { cycle_json(out, index, graph, cycle); });
  list_json(out, "chains", graph.roots, [&](auto& root) { chain_json(out, graph, root); });
  list_json(out, "roots", graph.roots, [&](auto& root) { root_json(out, index, root); });
  list_json(out, "waits", graph.waits, [&](auto& wait) { wait_json(out, index, wait); });
  return out + "}\n";
}

}  // namespace

void waits(const Snapshot& snapshot, Artifacts& out) {
  if (!snapshot.threads) return;
  ThreadIndex index(snapshot);
  WaitGraph graph = build_wait_graph(snapshot, index);
  std::string source = "raw/futex.bundle, raw/stacks.json, " + raw_process(snapshot, "task.bundle");
  out.push_back({"threads/waits.json", source, waits_json(index, graph, snapshot.threads->size())});
  if (std::string picture = waits_svg(snapshot, index, graph); !picture.empty())
    out.push_back({"threads/waits.svg", source, std::move(picture)});
}

}  // namespace ec::derived
