#include "collector/profile/legacy_maps.h"

#include <utility>

#include "collector/base/text.h"
#include "collector/proc/maps.h"

namespace ec {

namespace {

constexpr size_t kMostMappings = 1'000'000;  // vm.max_map_count is 65,530 where nobody changed it
constexpr size_t kMostNames = 16;
constexpr size_t kLongestPath = 4096;

std::optional<uint64_t> hex_number(std::string_view text) {
  if (text.starts_with("0x")) text.remove_prefix(2);
  return parse_number<uint64_t>(text, 16);
}

// "r-xp"; "" where there are none.
bool are_permissions(std::string_view word) {
  return !word.empty() && word.find_first_not_of("-rwxp") == std::string_view::npos;
}

// "40000-80000: r-xp /path/to/file (@1000) 0123abcd", where all after the addresses may be missing.
std::optional<LegacyMapping> brief_mapping(std::string_view line, bool& executable) {
  FieldCursor fields(line);
  auto range = fields.word();
  if (!range) return std::nullopt;
  LegacyMapping mapping;
  std::string_view begin = *range, end;
  if (size_t dash = range->find('-'); dash != std::string_view::npos) {
    begin = range->substr(0, dash);
    end = range->substr(dash + 1);
  } else if (auto next = fields.word()) {
    end = *next;
  }
  if (end.ends_with(':')) end.remove_suffix(1);
  auto start = hex_number(begin), limit = hex_number(end);
  if (!start || !limit || *start >= *limit) return std::nullopt;
  mapping.start = *start;
  mapping.limit = *limit;
  auto word = fields.word();
  executable = true;
  if (word && are_permissions(*word)) {
    executable = word->find('x') != std::string_view::npos;
    word = fields.word();
  }
  if (word && !word->starts_with("(@")) {
    mapping.file = word->substr(0, kLongestPath);
    word = fields.word();
  }
  if (word && word->starts_with("(@") && word->ends_with(')')) {
    mapping.offset = parse_number<uint64_t>(word->substr(2, word->size() - 3), 16).value_or(0);
    word = fields.word();
  }
  if (word && hex_number(*word)) mapping.build_id = word->substr(0, kLongestPath);
  return mapping;
}

std::optional<LegacyMapping> mapping_of(std::string_view line, bool& executable) {
  MapsEntry entry;
  if (!parse_maps_line(line, entry)) return brief_mapping(line, executable);
  executable = entry.executable;
  return LegacyMapping{entry.begin, entry.end, entry.offset, entry.name.substr(0, kLongestPath), {}};
}

class PathNames {
 public:
  // "build=/home/build/out"
  void learn(std::string_view line) {
    size_t equals = line.find('=');
    if (equals == std::string_view::npos || names_.size() == kMostNames) return;
    auto name = trim(line.substr(0, equals)), value = trim(line.substr(equals + 1));
    if (!name.empty() && value.size() < kLongestPath) names_.emplace_back("$" + std::string(name), value);
  }
  void replace(std::string& file) const {
    for (const auto& [name, value] : names_)
      if (file.starts_with(name)) {
        file.replace(0, name.size(), value);
        return;
      }
  }

 private:
  std::vector<std::pair<std::string, std::string>> names_;
};

bool adjacent(const LegacyMapping& a, const LegacyMapping& b) {
  if (!a.file.empty() && !b.file.empty() && a.file != b.file) return false;
  if (!a.build_id.empty() && !b.build_id.empty() && a.build_id != b.build_id) return false;
  if (a.limit != b.start) return false;
  return a.offset == 0 || b.offset == 0 || a.offset + (a.limit - a.start) == b.offset;
}

// "libc.so", "libc.so.6", "libc.so_1"
bool is_library(std::string_view file) {
  if (file.ends_with(".so")) return true;
  size_t digits = file.find_last_not_of("0123456789");
  return digits != std::string_view::npos && digits + 1 < file.size() &&
         (file.substr(0, digits + 1).ends_with(".so.") || file.substr(0, digits + 1).ends_with(".so_"));
}

}  // namespace

bool starts_legacy_maps(std::string_view line) {
  return line.find("MAPPED_LIBRARIES:") != std::string_view::npos ||
         line.find("--- Memory map: ---") != std::string_view::npos;
}

std::string_view without_log_prefix(std::string_view line) {
  size_t bracket = line.find_first_of("[]");
  if (bracket == std::string_view::npos || line[bracket] != ']') return line;
  size_t digits = line.substr(0, bracket).find_last_not_of("0123456789");
  if (digits == std::string_view::npos || digits == 0 || digits + 1 == bracket || line[digits] != ':') return line;
  if (bracket + 1 >= line.size() || (line[bracket + 1] != ' ' && line[bracket + 1] != '\t')) return line;
  return line.substr(bracket + 2);
}

LegacyMaps::LegacyMaps(std::string_view text) {
  LineCursor lines("maps", text);
  PathNames names;
  while (auto raw = lines.next()) {
    auto line = trim(without_log_prefix(*raw));
    bool executable = false;
    auto mapping = mapping_of(line, executable);
    if (!mapping) {
      names.learn(line);
    } else if (executable && mappings_.size() < kMostMappings) {
      names.replace(mapping->file);
      mappings_.push_back(std::move(*mapping));
    }
  }
  join_neighbours();
  program_first();
  index();
}

void LegacyMaps::join_neighbours() {
  std::vector<LegacyMapping> joined;
  for (LegacyMapping& mapping : mappings_) {
    if (joined.empty() || !adjacent(joined.back(), mapping)) {
      joined.push_back(std::move(mapping));
      continue;
    }
    joined.back().limit = mapping.limit;
    if (!mapping.file.empty()) joined.back().file = std::move(mapping.file);
    if (!mapping.build_id.empty()) joined.back().build_id = std::move(mapping.build_id);
  }
  mappings_ = std::move(joined);
}

void LegacyMaps::program_first() {
  for (LegacyMapping& mapping : mappings_) {
    if (mapping.file.empty() || mapping.file.starts_with('[') || is_library(mapping.file)) continue;
    std::swap(mappings_.front(), mapping);
    break;
  }
  // A program that put its code on huge pages has an anonymous mapping in front of the rest.
  if (mappings_.size() > 1 && mappings_[0].file.starts_with("/anon_hugepage") &&
      mappings_[0].limit == mappings_[1].start)
    mappings_.erase(mappings_.begin());
  constexpr uint64_t kProgramStart = 0x400000;  // where a program begins that is not position independent
  if (!mappings_.empty() && mappings_[0].start - mappings_[0].offset == kProgramStart) {
    mappings_[0].start = kProgramStart;
    mappings_[0].offset = 0;
  }
}

void LegacyMaps::index() {
  for (uint32_t i = 0; i < mappings_.size(); ++i) {
    auto after = by_start_.lower_bound(mappings_[i].start);
    if (after != by_start_.end() && after->first < mappings_[i].limit) continue;
    if (after != by_start_.begin() && mappings_[std::prev(after)->second].limit > mappings_[i].start) continue;
    by_start_.emplace(mappings_[i].start, i);
  }
}

std::optional<uint32_t> LegacyMaps::find(uint64_t address) const {
  auto after = by_start_.upper_bound(address);
  if (after != by_start_.begin()) {
    uint32_t row = std::prev(after)->second;
    if (address < mappings_[row].limit) return row;
  }
  if (after == by_start_.end()) return std::nullopt;
  const LegacyMapping& next = mappings_[after->second];
  bool begins_earlier = next.offset != 0 && next.offset <= next.start && next.start - next.offset <= address;
  return begins_earlier ? std::optional(after->second) : std::nullopt;
}

}  // namespace ec
