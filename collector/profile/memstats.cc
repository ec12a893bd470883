#include "collector/profile/memstats.h"

#include "collector/base/text.h"

namespace ec {

namespace {

constexpr size_t kRing = 256;

// "[12 34 0 …]"
bool parse_ring(std::string_view text, std::vector<uint64_t>& ring) {
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') return false;
  FieldCursor fields(text.substr(1, text.size() - 2));
  ring.clear();
  while (auto field = fields.word()) {
    auto value = parse_number<uint64_t>(*field);
    if (!value || ring.size() == kRing) return false;
    ring.push_back(*value);
  }
  return true;
}

}  // namespace

uint64_t Memstats::last_pause_ns() const {
  if (gc_count == 0 || recent_pauses_ns.size() != kRing) return 0;
  return recent_pauses_ns[(gc_count + kRing - 1) % kRing];
}

Result<Memstats> parse_memstats_comments(std::string_view where, std::string_view text) {
  Memstats stats;
  LineCursor lines(where, text);
  bool inside = false, ended = false;
  while (auto line = lines.next()) {
    if (*line == "# runtime.MemStats") {
      inside = true;
      continue;
    }
    if (!inside || !line->starts_with("# ")) continue;
    size_t equals = line->find(" = ");
    if (equals == std::string_view::npos) continue;
    auto name = line->substr(2, equals - 2), value = trim(line->substr(equals + 3));
    uint64_t* number = name == "HeapAlloc"     ? &stats.heap_alloc
                       : name == "HeapInuse"   ? &stats.heap_inuse
                       : name == "HeapObjects" ? &stats.heap_objects
                       : name == "NextGC"      ? &stats.next_gc
                       : name == "Sys"         ? &stats.sys
                       : name == "TotalAlloc"  ? &stats.total_alloc
                       : name == "NumGC"       ? &stats.gc_count
                                               : nullptr;
    if (number) {
      auto parsed = parse_number<uint64_t>(value);
      if (!parsed) return tl::unexpected(lines.expected("a number"));
      *number = *parsed;
      if (name == "NumGC") ended = true;
    } else if (name == "GCCPUFraction") {
      auto parsed = parse_double(value);
      if (!parsed) return tl::unexpected(lines.expected("a fraction"));
      stats.gc_cpu_fraction = *parsed;
    } else if (name == "PauseNs") {
      if (!parse_ring(value, stats.recent_pauses_ns)) return tl::unexpected(lines.expected("'[' and 256 numbers ']'"));
    }
  }
  if (!ended)
    return fail(ErrorCode::kTruncated, fmt::format("{}:{}", where, lines.line_number()),
                inside ? "expected '# NumGC = N'" : "expected '# runtime.MemStats'");
  return stats;
}

}  // namespace ec
