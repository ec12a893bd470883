#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>

#include "collector/analysis/words.h"
#include "collector/base/text.h"
#include "collector/report/derived.h"
#include "collector/report/text_layout.h"

namespace ec::derived {

namespace {

using Out = std::back_insert_iterator<std::string>;

void copies(const Snapshot& snapshot, const RawStore& store, Artifacts& out) {
  static constexpr std::array<std::string_view, 17> kFiles{
      "status", "stat",      "statm",  "limits",    "cmdline",       "environ",   "maps",   "smaps_rollup", "io",
      "sched",  "schedstat", "cgroup", "oom_score", "oom_score_adj", "mountinfo", "timers", "numa_maps"};
  for (auto file : kFiles) {
    std::string raw = raw_process(snapshot, file);
    if (auto bytes = store.read(raw)) out.push_back({fmt::format("process/{}", file), raw, std::string(*bytes)});
  }
}

std::string namespaces_txt(const Snapshot& snapshot) {
  TextTable table({"kind", ">inode", "same as the collector's"});
  for (auto& link : *snapshot.process.namespaces)
    table.row({link.kind, std::to_string(link.inode), link.same_as_ours ? "yes" : "no"});
  std::string text = table.text();
  if (snapshot.process.status && snapshot.process.status->ns_pids.size() > 1)
    fmt::format_to(Out(text), "\nprocess id in each PID namespace, outermost first: {}\n",
                   fmt::join(snapshot.process.status->ns_pids, " "));
  if (snapshot.process.root) fmt::format_to(Out(text), "root directory: {}\n", plain_line(*snapshot.process.root, 300));
  if (snapshot.process.cwd)
    fmt::format_to(Out(text), "working directory: {}\n", plain_line(*snapshot.process.cwd, 300));
  return text;
}

void tree_line(std::string& text, size_t depth, const RelatedProcess& process) {
  fmt::format_to(Out(text), "{}{} {} {} {} {}  {}\n", std::string(2 * std::min<size_t>(depth, 40), ' '), process.pid,
                 process.state, plain_line(process.comm, 32), human_bytes(static_cast<double>(process.rss_bytes)),
                 human_duration(process.age_seconds), plain_line(process.cmdline, 300));
}

std::string tree_txt(const Snapshot& snapshot) {
  std::string text = "pid, state, name, resident memory, age, command line; indented under the parent\n\n";
  size_t depth = 0;
  if (snapshot.process.ancestors)
    for (auto ancestor = snapshot.process.ancestors->rbegin(); ancestor != snapshot.process.ancestors->rend();
         ++ancestor)
      tree_line(text, depth++, *ancestor);
  RelatedProcess self{snapshot.target.pid, 0, snapshot.target.comm, "", '?', 0, 0};
  if (snapshot.process.status) {
    self.state = snapshot.process.status->state;
    self.rss_bytes = snapshot.process.status->rss_bytes;
    self.age_seconds = snapshot.process.status->age_seconds;
  }
  self.cmdline = "<== the target";
  tree_line(text, depth, self);
  if (snapshot.process.children)
    for (auto& child : *snapshot.process.children) tree_line(text, depth + 1, child);
  return text;
}

void size_row(TextTable& table, const char* name, uint64_t bytes) {
  table.row({name, human_bytes(static_cast<double>(bytes)), std::to_string(bytes)});
}

std::string mappings_by_name(const std::vector<Mapping>& mappings) {
  struct Sum {
    uint64_t bytes = 0, count = 0;
  };
  std::map<std::string_view, Sum> by_name;
  for (auto& mapping : mappings) {
    auto& sum = by_name[mapping.name.empty() ? std::string_view("[anonymous]") : std::string_view(mapping.name)];
    sum.bytes += mapping.end - mapping.begin;
    ++sum.count;
  }
  std::vector<std::pair<std::string_view, Sum>> sorted(by_name.begin(), by_name.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](auto& a, auto& b) { return a.second.bytes > b.second.bytes; });
  TextTable table({">address space", ">mappings", "name"});
  for (size_t i = 0; i < std::min<size_t>(sorted.size(), 40); ++i)
    table.row({human_bytes(static_cast<double>(sorted[i].second.bytes)), std::to_string(sorted[i].second.count),
               std::string(sorted[i].first)});
  return fmt::format("\n{} in {} names; the largest:\n{}", counted(mappings.size(), "mapping"), sorted.size(),
                     table.text());
}

std::string memory_txt(const Snapshot& snapshot) {
  TextTable table({"", ">", ">bytes"});
  if (snapshot.process.status) {
    auto& status = *snapshot.process.status;
    size_row(table, "address space", status.vm_size_bytes);
    size_row(table, "resident", status.rss_bytes);
    size_row(table, "  anonymous", status.rss_anon_bytes);
    size_row(table, "  file", status.rss_file_bytes);
    size_row(table, "  shared memory", status.rss_shmem_bytes);
    size_row(table, "resident, peak", status.rss_peak_bytes);
    size_row(table, "in swap", status.swap_bytes);
    size_row(table, "locked", status.locked_bytes);
    size_row(table, "page tables", status.page_table_bytes);
  }
  if (snapshot.process.rollup) {
    auto& rollup = *snapshot.process.rollup;
    size_row(table, "proportional (PSS)", rollup.pss);
    size_row(table, "private, dirty", rollup.private_dirty);
    size_row(table, "private, clean", rollup.private_clean);
    size_row(table, "shared, dirty", rollup.shared_dirty);
    size_row(table, "shared, clean", rollup.shared_clean);
    size_row(table, "transparent huge pages", rollup.anon_huge_pages);
  }
  if (snapshot.process.cgroup) {
    auto& cgroup = *snapshot.process.cgroup;
    if (cgroup.memory_current_bytes) size_row(table, "cgroup: in use", *cgroup.memory_current_bytes);
    if (cgroup.memory_inactive_file_bytes)
      size_row(table, "cgroup: of it inactive page cache", *cgroup.memory_inactive_file_bytes);
    if (cgroup.memory_limit_bytes) size_row(table, "cgroup: limit", *cgroup.memory_limit_bytes);
    if (cgroup.memory_peak_bytes) size_row(table, "cgroup: peak", *cgroup.memory_peak_bytes);
  }
  std::string text = table.text();
  if (snapshot.process.mappings) text += mappings_by_name(*snapshot.process.mappings);
  return text;
}

}  // namespace

void process(const Snapshot& snapshot, const RawStore& store, Artifacts& out) {
  if (snapshot.forensics) {
    TextTable table({"severity", "kind", "subject", "detail", "artifact", "locator"});
    for (auto& fact : *snapshot.forensics)
      table.row({fact.severity, fact.kind, fact.subject, fact.detail, fact.artifact, fact.locator});
    out.push_back({"forensics.txt", "raw/forensics.bundle",
                   table.rows() > 0 ? table.text() : "No fact worth a line was found.\n"});
  }
  if (snapshot.target.pid == 0) return;
  copies(snapshot, store, out);
  if (snapshot.process.namespaces)
    out.push_back({"process/namespaces.txt", raw_process(snapshot, "links.bundle"), namespaces_txt(snapshot)});
  if (snapshot.process.ancestors || snapshot.process.children)
    out.push_back({"process/tree.txt", raw_process(snapshot, "tree.bundle"), tree_txt(snapshot)});
  if (snapshot.process.status)
    out.push_back({"process/memory.txt", raw_process(snapshot, "status") + ", smaps_rollup, maps, cgroup.bundle",
                   memory_txt(snapshot)});
}

}  // namespace ec::derived
