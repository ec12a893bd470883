#include "collector/report/profile_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "collector/report/json_text.h"

namespace ec {

namespace {

using Out = std::back_insert_iterator<std::string>;

template <class Rows, class Each>
void append_list(std::string& out, const char* name, const Rows& rows, Each each) {
  fmt::format_to(Out(out), "\"{}\":[", name);
  const char* comma = "";
  for (const auto& row : rows) {
    out += std::exchange(comma, ",");
    each(row);
  }
  out += ']';
}

double percent(int64_t value, int64_t total) {
  return total == 0 ? 0 : 100 * static_cast<double>(value) / static_cast<double>(total);
}

void append_node(std::string& out, const ProfileReport& report, const ReportNode& node, bool with_calls) {
  out += "\n{";
  append_json_field(out, "name", node.name);
  fmt::format_to(Out(out), "\"flat\":{},\"flat_percent\":{:.4f},\"cum\":{},\"cum_percent\":{:.4f}", node.flat,
                 percent(node.flat, report.total), node.cum, percent(node.cum, report.total));
  auto calls = [&](const char* name, const std::vector<ReportCall>& rows) {
    out += ',';
    append_list(out, name, rows, [&](const ReportCall& call) {
      out += '{';
      append_json_field(out, "name", report.name(call.other));
      fmt::format_to(Out(out), "\"value\":{},\"inlined\":{}}}", call.weight, call.inlined);
    });
  };
  if (with_calls) {
    calls("callers", node.callers);
    calls("callees", node.callees);
  }
  out += '}';
}

}  // namespace

std::string report_json(const ProfileReport& report, bool with_calls, const Pattern* wanted) {
  std::string out = "{\"schema\":1,";
  append_json_field(out, "file", report.file);
  append_json_field(out, "build_id", report.build_id);
  append_json_field(out, "type", report.type);
  append_json_field(out, "unit", report.unit);
  fmt::format_to(Out(out), "\"time_ns\":{},\"duration_ns\":{},\"total\":{},\"dropped\":{},\"not_dropped\":{},",
                 report.time_ns, report.duration_ns, report.total, report.dropped, report.not_dropped);
  for (const auto& [name, rows] : {std::pair("comments", &report.comments), std::pair("filters", &report.filters)}) {
    append_list(out, name, *rows, [&](const std::string& text) { append_json_string(out, text); });
    out += ',';
  }
  out += "\"nodes\":[";
  const char* comma = "";
  for (const ReportNode& node : report.nodes) {
    if (wanted && !wanted->found_in(node.name)) continue;
    out += std::exchange(comma, ",");
    append_node(out, report, node, with_calls);
  }
  return out + "\n]}\n";
}

std::string folded_json(const CallTree& tree) {
  std::string out = "{\"schema\":1,\"stacks\":[";
  const char* comma = "";
  std::vector<uint32_t> path;
  for (uint32_t i = 1; i < tree.nodes.size(); ++i) {
    if (tree.nodes[i].self == 0) continue;
    path.clear();
    for (uint32_t node = i; node != 0; node = tree.nodes[node].parent) path.push_back(tree.nodes[node].frame);
    std::reverse(path.begin(), path.end());
    fmt::format_to(Out(out), "{}\n{{\"value\":{},", std::exchange(comma, ","), tree.nodes[i].self);
    append_list(out, "frames", path, [&](uint32_t frame) { append_json_string(out, tree.frames[frame].name); });
    out += '}';
  }
  return out + "\n]}\n";
}

std::string goroutine_groups_json(const Goroutines& goroutines) {
  std::string out = fmt::format("{{\"schema\":1,\"total\":{},", goroutines.total);
  append_list(out, "groups", goroutines.groups, [&](const GoroutineStacks& group) {
    fmt::format_to(Out(out), "\n{{\"count\":{},", group.count);
    append_json_field(out, "wait", wait_of(group.functions));
    append_list(out, "functions", group.functions, [&](const std::string& name) { append_json_string(out, name); });
    out += '}';
  });
  return out + "}\n";
}

}  // namespace ec
