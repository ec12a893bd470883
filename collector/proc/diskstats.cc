#include "collector/proc/diskstats.h"

#include <array>

#include "collector/base/text.h"

namespace ec {

Result<std::vector<DiskCounters>> parse_diskstats(std::string_view where, std::string_view text) {
  constexpr size_t kOldest = 11;  // fields after the name up to Linux 4.17
  std::vector<DiskCounters> disks;
  LineCursor lines(where, text);
  while (auto line = lines.next()) {
    FieldCursor fields(*line);
    auto major = fields.number<uint32_t>();
    auto minor = fields.number<uint32_t>();
    auto name = fields.word();
    if (!major && trim(*line).empty()) continue;
    if (!major || !minor || !name) return tl::unexpected(lines.expected("major, minor and name of a device"));
    DiskCounters d;
    d.name = printable_line(*name, 64);
    std::array<uint64_t*, 17> targets{
        &d.reads,           &d.reads_merged,    &d.read_sectors, &d.read_ms, &d.writes,   &d.writes_merged,
        &d.write_sectors,   &d.write_ms,        &d.in_flight,    &d.busy_ms, &d.queue_ms, &d.discards,
        &d.discards_merged, &d.discard_sectors, &d.discard_ms,   &d.flushes, &d.flush_ms};
    size_t count = 0;
    while (count < targets.size()) {
      auto word = fields.word();
      if (!word) break;
      // in_flight has been seen below zero on kernels with unbalanced accounting.
      auto value = word->starts_with('-') ? std::optional<uint64_t>(0) : parse_number<uint64_t>(*word);
      if (!value) return tl::unexpected(lines.expected("a counter"));
      *targets[count++] = *value;
    }
    if (count < kOldest) return tl::unexpected(lines.expected("at least 11 counters"));
    disks.push_back(std::move(d));
  }
  return disks;
}

bool is_partition_of(std::string_view name, std::string_view disk) {
  if (disk.empty() || name.size() <= disk.size() || !name.starts_with(disk)) return false;
  auto digit = [](char c) { return c >= '0' && c <= '9'; };
  std::string_view rest = name.substr(disk.size());
  if (digit(disk.back())) {
    if (rest.front() != 'p') return false;
    rest.remove_prefix(1);
  }
  if (rest.empty()) return false;
  for (char c : rest)
    if (!digit(c)) return false;
  return true;
}

}  // namespace ec
