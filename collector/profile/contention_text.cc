#include "collector/profile/contention_text.h"

#include "collector/base/text.h"
#include "collector/proc/maps.h"
#include "collector/profile/heap_scale.h"
#include "collector/profile/java_text.h"
#include "collector/profile/legacy_maps.h"
#include "collector/profile/legacy_profile.h"

namespace ec {

namespace {

struct Header {
  int64_t cycles_per_second = 0, period = 1;
  bool java = false;
};

// False when `name` is no attribute of such a profile, or its value no number.
bool read_attribute(std::string_view name, std::string_view value, Header& header, Pprof& profile) {
  if (name == "format" || name == "resolution") {
    header.java = true;
    return true;
  }
  auto number = parse_number<int64_t>(value);
  if (!number) return false;
  if (name == "cycles/second")
    header.cycles_per_second = *number;
  else if (name == "sampling period")
    header.period = *number;
  else if (name == "ms since reset")
    profile.duration_ns = saturated(static_cast<double>(*number) * 1e6);
  else
    return name == "discarded samples";
  return true;
}

// "10150273770 159 @ 0x4b6c8d 0x4b6c6c": cycles, how often.
bool add(LegacyProfile& profile, const Header& header, std::string_view line, std::vector<uint64_t>& addresses) {
  FieldCursor fields(line);
  auto delay = fields.number<int64_t>(), count = fields.number<int64_t>();
  auto at = fields.word();
  if (!delay || !count || !at || *at != "@" || !read_addresses(fields.rest(), addresses)) return false;
  if (header.period > 0) {
    auto period = static_cast<double>(header.period);
    if (header.cycles_per_second > 0) {
      double cycles_per_ns = static_cast<double>(header.cycles_per_second) / 1e9;
      delay = saturated(static_cast<double>(*delay) * period / cycles_per_ns);
    }
    if (header.period != 1) count = saturated(static_cast<double>(*count) * period);
  }
  const int64_t values[] = {*count, *delay};
  profile.sample(addresses, AddressKind::kReturns, values);
  return true;
}

}  // namespace

bool is_contention_title(std::string_view line) {
  return line == "--- contention" || line.starts_with("--- contentionz ") || line.starts_with("--- mutex:") ||
         line.starts_with("--- contention:");
}

Result<OwnedPprof> parse_contention_text(std::string_view where, std::string_view text) {
  LineCursor lines(where, text);
  if (!is_contention_title(trim(lines.next().value_or(""))))
    return tl::unexpected(lines.expected("'--- contention', '--- contentionz ', '--- mutex:' or '--- contention:'"));
  LegacyProfile profile;
  profile.sample_type("contentions", "count");
  profile.sample_type("delay", "nanoseconds");
  Header header;
  bool in_header = true;
  std::string_view maps;
  std::vector<uint64_t> addresses;
  while (auto raw = lines.next()) {
    auto line = trim(without_log_prefix(*raw));
    MapsEntry entry;
    if (line.starts_with("---") || starts_legacy_maps(line) || parse_maps_line(line, entry)) {
      maps = text.substr(static_cast<size_t>(raw->data() - text.data()));
      break;
    }
    if (auto frame = parse_go_text_frame(line)) profile.name(*frame);
    if (line.empty() || line.starts_with('#')) continue;
    size_t equals = line.find('=');
    if (in_header && equals != std::string_view::npos) {
      if (!read_attribute(trim(line.substr(0, equals)), trim(line.substr(equals + 1)), header, profile.header()))
        return tl::unexpected(lines.expected("'cycles/second', 'sampling period' or another attribute = NUMBER"));
      if (header.java) return parse_java_text(where, text);
      continue;
    }
    in_header = false;
    if (!add(profile, header, line, addresses)) return tl::unexpected(lines.expected("'DELAY COUNT @ 0x…'"));
  }
  profile.period_type("contentions", "count", header.period);
  return std::move(profile).finish(where, maps);
}

}  // namespace ec
