#include "collector/report/profile_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <iterator>

#include "collector/analysis/words.h"
#include "collector/profile/measurement.h"
#include "collector/report/text_layout.h"

namespace ec {

namespace {

using Out = std::back_insert_iterator<std::string>;

constexpr size_t kLongestName = 2000;
constexpr std::string_view kRuler = "----------------------------------------------------------+-------------\n";

std::string name_text(const std::string& name) { return plain_line(name, kLongestName); }

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }  // npos + 1 == 0

// "Jan 2, 2006 at 3:04pm (MST)", local time.
std::string time_text(int64_t time_ns) {
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::time_t seconds = time_ns / 1'000'000'000;
  std::tm local{};
  if (!localtime_r(&seconds, &local)) return "unknown";
  int hour = local.tm_hour % 12 == 0 ? 12 : local.tm_hour % 12;
  return fmt::format("{} {}, {} at {}:{:02}{} ({})", kMonths[local.tm_mon % 12], local.tm_mday, local.tm_year + 1900,
                     hour, local.tm_min, local.tm_hour < 12 ? "am" : "pm", local.tm_zone);
}

std::string trimmed_percentage(int64_t value, int64_t total) {
  std::string text = percentage(value, total);
  return text.substr(text.find_first_not_of(' '));
}

void profile_lines(std::string& text, const ProfileReport& report) {
  auto line = [&](std::string_view title, std::string_view value) {
    if (!value.empty()) fmt::format_to(Out(text), "{}{}\n", title, plain_line(value, kLongestName));
  };
  line("File: ", base_name(report.file));
  line("Build ID: ", report.build_id);
  for (const std::string& comment : report.comments)
    if (!comment.starts_with('#')) line("", comment);
  line("Type: ", report.type);
  if (report.time_ns != 0) line("Time: ", time_text(report.time_ns));
  if (report.duration_ns != 0) {
    Scaled busy = scale_measurement(report.total, report.unit, "nanoseconds");
    std::string share;
    if (busy.unit == "ns" && busy.value != 0)
      share = fmt::format(" ({})", percentage(truncated(busy.value), report.duration_ns));
    line("Duration: ",
         fmt::format("{}, Total samples = {}{}", measurement_label(report.duration_ns, "nanoseconds", "auto"),
                     report.label(report.total), share));
  }
}

std::string header_text(const ProfileReport& report) {
  std::string text;
  profile_lines(text, report);
  if (!report.filters.empty()) text += "Active filters:\n";
  for (const std::string& filter : report.filters) fmt::format_to(Out(text), "   {}\n", plain_line(filter, 80));
  int64_t shown = 0;
  for (const ReportNode& node : report.nodes) shown = wrapping_sum(shown, node.flat);
  fmt::format_to(Out(text), "Showing nodes accounting for {}, {} of {} total\n", report.label(shown),
                 trimmed_percentage(shown, report.total), report.label(report.total));
  if (report.total == 0) return text;
  if (report.dropped > 0)
    fmt::format_to(Out(text), "Dropped {} (cum <= {})\n", counted(report.dropped, "node"),
                   report.label(report.dropped_below));
  if (!report.nodes.empty() && report.nodes.size() < report.not_dropped)
    fmt::format_to(Out(text), "Showing top {} nodes out of {}\n", report.nodes.size(), report.not_dropped);
  return text;
}

std::string_view inline_note(const ReportNode& node) {
  auto inlined = [](const ReportCall& call) { return call.inlined; };
  if (std::none_of(node.callers.begin(), node.callers.end(), inlined)) return "";
  return std::all_of(node.callers.begin(), node.callers.end(), inlined) ? " (inline)" : " (partial-inline)";
}

// Flat, its share, the share of all above, cum, its share.
std::string numbers_text(const ProfileReport& report, const ReportNode& node, int64_t& flat_sum) {
  flat_sum = wrapping_sum(flat_sum, node.flat);
  return fmt::format("{:>10} {} {} {:>10} {}", report.label(node.flat), percentage(node.flat, report.total),
                     percentage(flat_sum, report.total), report.label(node.cum), percentage(node.cum, report.total));
}

void calls_text(std::string& text, const ProfileReport& report, const ReportNode& node,
                const std::vector<ReportCall>& calls) {
  for (const ReportCall& call : calls)
    fmt::format_to(Out(text), "{:>50} {} |   {}{}\n", report.label(call.weight), percentage(call.weight, node.cum),
                   name_text(report.name(call.other)), call.inlined ? " (inline)" : "");
}

}  // namespace

std::string top_text(const ProfileReport& report) {
  std::string text = header_text(report);
  text += "      flat  flat%   sum%        cum   cum%\n";
  int64_t flat_sum = 0;
  for (const ReportNode& node : report.nodes)
    fmt::format_to(Out(text), "{}  {}{}\n", numbers_text(report, node, flat_sum), name_text(node.name),
                   inline_note(node));
  return text;
}

std::string tree_text(const ProfileReport& report, const Pattern* wanted) {
  std::string text = header_text(report);
  text += kRuler;
  text += "      flat  flat%   sum%        cum   cum%   calls calls% + context\n";
  int64_t flat_sum = 0;
  for (const ReportNode& node : report.nodes) {
    if (wanted && !wanted->found_in(node.name)) continue;
    text += kRuler;
    calls_text(text, report, node, node.callers);
    fmt::format_to(Out(text), "{}                | {}\n", numbers_text(report, node, flat_sum), name_text(node.name));
    calls_text(text, report, node, node.callees);
  }
  if (!report.nodes.empty()) text += kRuler;
  return text;
}

std::string folded_text(const CallTree& tree) {
  std::vector<std::string> names;
  for (const CallTreeFrame& frame : tree.frames) {
    names.push_back(plain_line(frame.name, 400));
    std::replace(names.back().begin(), names.back().end(), ';', ':');
  }
  std::vector<std::string> lines;
  std::vector<uint32_t> path;
  for (uint32_t i = 1; i < tree.nodes.size(); ++i) {
    if (tree.nodes[i].self == 0) continue;
    path.clear();
    for (uint32_t node = i; node != 0; node = tree.nodes[node].parent) path.push_back(tree.nodes[node].frame);
    std::string line;
    for (size_t frame = path.size(); frame-- > 0;) line += names[path[frame]] + (frame > 0 ? ";" : "");
    lines.push_back(fmt::format("{} {}\n", line, tree.nodes[i].self));
  }
  std::sort(lines.begin(), lines.end());
  return fmt::to_string(fmt::join(lines, ""));
}

std::string goroutine_groups_text(const Goroutines& goroutines) {
  std::string text =
      fmt::format("{} at {}\n", counted(goroutines.total, "goroutine"), counted(goroutines.groups.size(), "stack"));
  for (const GoroutineStacks& group : goroutines.groups) {
    std::string_view wait = wait_of(group.functions);
    fmt::format_to(Out(text), "\n{:>6} × {}\n", group.count, wait.empty() ? "state not known" : wait);
    for (const std::string& function : group.functions)
      fmt::format_to(Out(text), "         {}\n", plain_line(function, 300));
  }
  return text;
}

}  // namespace ec
