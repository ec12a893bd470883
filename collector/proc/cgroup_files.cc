#include "collector/proc/cgroup_files.h"

#include "collector/base/text.h"

namespace ec {

namespace {

// PAGE_COUNTER_MAX in bytes is just below 2^63 (less the last page, whose size differs by machine). No machine has this
// much.
constexpr uint64_t kNoLimit = uint64_t{1} << 62;

}  // namespace

Result<std::optional<uint64_t>> parse_cgroup_limit(std::string_view where, std::string_view text) {
  LineCursor lines(where, text);
  std::string_view value = trim(lines.next().value_or(""));
  if (value == "max" || value == "-1") return std::optional<uint64_t>{};
  auto number = parse_number<uint64_t>(value);
  if (!number) return tl::unexpected(lines.expected("a number or max"));
  if (*number >= kNoLimit) return std::optional<uint64_t>{};
  return std::optional<uint64_t>{*number};
}

Result<uint64_t> parse_cgroup_number(std::string_view where, std::string_view text) {
  LineCursor lines(where, text);
  auto number = parse_number<uint64_t>(trim(lines.next().value_or("")));
  if (!number) return tl::unexpected(lines.expected("a number"));
  return *number;
}

Result<std::map<std::string, uint64_t>> parse_flat_keyed(std::string_view where, std::string_view text) {
  std::map<std::string, uint64_t> values;
  LineCursor lines(where, text);
  while (auto line = lines.next()) {
    FieldCursor fields(*line);
    auto key = fields.word();
    auto number = fields.number<uint64_t>();
    if (!key || !number) return tl::unexpected(lines.expected("key number"));
    values.insert_or_assign(std::string(*key), *number);
  }
  return values;
}

std::optional<double> CpuQuota::cores() const {
  if (!quota_us || period_us == 0) return std::nullopt;
  return static_cast<double>(*quota_us) / static_cast<double>(period_us);
}

Result<CpuQuota> parse_cpu_max(std::string_view where, std::string_view text) {
  LineCursor lines(where, text);
  FieldCursor fields(lines.next().value_or(""));
  auto quota = fields.word();
  auto period = fields.number<uint64_t>();
  if (!quota || !period || *period == 0) return tl::unexpected(lines.expected("quota period"));
  CpuQuota cpu;
  cpu.period_us = *period;
  if (*quota == "max") return cpu;
  cpu.quota_us = parse_number<uint64_t>(*quota);
  if (!cpu.quota_us) return tl::unexpected(lines.expected("a quota in microseconds or max"));
  return cpu;
}

}  // namespace ec
