#include "collector/profile/profile_report.h"

#include <algorithm>
#include <numeric>

#include "collector/profile/call_graph.h"
#include "collector/profile/measurement.h"

namespace ec {

namespace {

int64_t fraction_of(int64_t total, double fraction) {
  return wrapping_abs(truncated(static_cast<double>(total) * fraction));
}

// Orders that leave nothing to chance, so that two tools show the same lines.
class Order {
 public:
  Order(const FunctionTable& table, const NodeWeights& weights, bool by_cum)
      : table_(table), first_(by_cum ? weights.cum : weights.flat), second_(by_cum ? weights.flat : weights.cum) {}

  bool operator()(uint32_t a, uint32_t b) const {
    int64_t more_a = wrapping_abs(first_[a]), more_b = wrapping_abs(first_[b]);
    if (more_a != more_b) return more_a > more_b;
    const FunctionNode &left = table_.nodes()[a], &right = table_.nodes()[b];
    bool named = !left.name.empty() && !right.name.empty();
    int names = named ? left.name.compare(right.name) : left.printable().compare(right.printable());
    if (names != 0) return names < 0;
    int64_t less_a = wrapping_abs(second_[a]), less_b = wrapping_abs(second_[b]);
    if (less_a != less_b) return less_a > less_b;
    auto rest = [](const FunctionNode& node) { return fmt::format("{} 0 {}", node.start_line, node.object_file); };
    return rest(left) < rest(right);
  }

 private:
  const FunctionTable& table_;
  const std::vector<int64_t>&first_, &second_;
};

void sort_calls(std::vector<ReportCall>& calls, const ProfileReport& report) {
  std::sort(calls.begin(), calls.end(), [&](const ReportCall& a, const ReportCall& b) {
    int64_t more_a = wrapping_abs(a.weight), more_b = wrapping_abs(b.weight);
    if (more_a != more_b) return more_a > more_b;
    int names = report.name(a.other).compare(report.name(b.other));
    return names != 0 ? names < 0 : a.other < b.other;
  });
}

// `numbers`: by node of the table, its number for ProfileReport::name().
void add_calls(ProfileReport& report, const std::vector<CallEdge>& edges, const std::vector<uint32_t>& numbers,
               int64_t least) {
  for (const CallEdge& edge : edges) {
    uint32_t caller = numbers[edge.caller], callee = numbers[edge.callee];
    if (callee < report.nodes.size() && wrapping_abs(edge.weight) < least) continue;
    if (caller < report.nodes.size()) report.nodes[caller].callees.push_back({callee, edge.weight, edge.inlined});
    if (callee < report.nodes.size()) report.nodes[callee].callers.push_back({caller, edge.weight, edge.inlined});
  }
  for (ReportNode& node : report.nodes) {
    sort_calls(node.callers, report);
    sort_calls(node.callees, report);
  }
}

// The unit of the smallest value, or one that shows it as 0.01 when the largest is far away.
std::string unit_for(const ProfileReport& report) {
  int64_t least = 0;
  for (const ReportNode& node : report.nodes) {
    int64_t value = wrapping_abs(node.flat != 0 ? node.flat : node.cum);
    if (value > 0 && (least == 0 || value < least)) least = value;
  }
  if (least == 0) least = report.total;
  auto unit_of = [&](int64_t value) { return scale_measurement(value, report.unit, "minimum").unit; };
  std::string unit = unit_of(least);
  auto hundred_times = static_cast<int64_t>(static_cast<uint64_t>(least) * 100);
  if (unit != unit_of(report.total) && hundred_times < report.total) unit = unit_of(hundred_times);
  return unit.empty() ? report.unit : unit;
}

void fill_header(const ChosenProfile& chosen, ProfileReport& report) {
  const Pprof& profile = chosen.owned.profile;
  auto text = [&](uint32_t index) { return std::string(profile.strings[index]); };
  if (!profile.mappings.empty()) {
    report.file = text(profile.mappings[0].file);
    report.build_id = text(profile.mappings[0].build_id);
  }
  for (uint32_t comment : profile.comments) report.comments.push_back(text(comment));
  report.filters = chosen.filters;
  report.type = text(profile.sample_types[chosen.sample_type].type);
  report.unit = text(profile.sample_types[chosen.sample_type].unit);
  report.time_ns = profile.time_ns;
  report.duration_ns = profile.duration_ns;
  report.total = chosen.total;
}

}  // namespace

std::string ProfileReport::label(int64_t value) const { return measurement_label(value, unit, output_unit); }

ProfileReport report_functions(const ChosenProfile& chosen, const ReportOptions& options) {
  const Pprof& profile = chosen.owned.profile;
  ProfileReport report;
  fill_header(chosen, report);
  FunctionTable table(profile);
  NodeWeights weights = weigh_nodes(profile, table, chosen.sample_type);

  int64_t sum = std::accumulate(weights.flat.begin(), weights.flat.end(), int64_t{0}, wrapping_sum);
  int64_t least = fraction_of(sum, options.node_fraction);
  std::vector<uint32_t> order;
  for (uint32_t node = 0; node < table.nodes().size(); ++node) {
    if (weights.flat[node] == 0 && weights.cum[node] == 0) continue;
    if (least > 0 && wrapping_abs(weights.cum[node]) < least)
      ++report.dropped;
    else
      order.push_back(node);
  }
  report.dropped_below = fraction_of(chosen.total, options.node_fraction);
  report.not_dropped = order.size();
  std::sort(order.begin(), order.end(), Order(table, weights, options.by_cum));
  if (options.node_count > 0 && order.size() > options.node_count) order.resize(options.node_count);
  bool all_calls = report.dropped == 0 && order.size() == report.not_dropped;

  std::vector<bool> kept(table.nodes().size());
  std::vector<uint32_t> numbers(table.nodes().size());
  for (uint32_t node : order) {
    kept[node] = true;
    numbers[node] = static_cast<uint32_t>(report.nodes.size());
    report.nodes.push_back({table.nodes()[node].printable(), weights.flat[node], weights.cum[node], {}, {}});
  }
  for (uint32_t node = 0; all_calls && node < table.nodes().size(); ++node) {
    if (kept[node]) continue;
    kept[node] = true;
    numbers[node] = static_cast<uint32_t>(report.nodes.size() + report.others.size());
    report.others.push_back(table.nodes()[node].printable());
  }
  add_calls(report, call_edges(profile, table, chosen.sample_type, kept), numbers,
            fraction_of(sum, options.edge_fraction));
  report.output_unit = options.unit;
  if (options.unit == "minimum" && !report.nodes.empty()) report.output_unit = unit_for(report);
  return report;
}

}  // namespace ec
