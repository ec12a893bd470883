// The memory map at the end of the profiles that came before profile.proto: /proc/PID/maps, or the shorter forms that
// other writers print. The rules are those of google/pprof (profile/legacy_profile.go), so that both show the same.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ec {

struct LegacyMapping {
  uint64_t start = 0, limit = 0, offset = 0;
  std::string file, build_id;
};

// "MAPPED_LIBRARIES:", "--- Memory map: ---": the line before the map.
bool starts_legacy_maps(std::string_view line);
// "I0102 03:04:05.6 42 file.cc:17] text" → "text": some servers put glog's prefix in front of the lines of a profile.
std::string_view without_log_prefix(std::string_view line);

class LegacyMaps {
 public:
  LegacyMaps() = default;
  // Lines that are no mapping are passed over; "name=text" stands for $name at the start of later file names. What is
  // not executable is left out, parts of one file that lie side by side become one mapping, and the first file that is
  // no library comes first: the program.
  explicit LegacyMaps(std::string_view text);

  const std::vector<LegacyMapping>& mappings() const { return mappings_; }
  // The position of the mapping of an address: for one just below a mapping that its file offset says to begin earlier,
  // that mapping. Of mappings that overlap, the one that came first has the place.
  std::optional<uint32_t> find(uint64_t address) const;

 private:
  void join_neighbours();
  void program_first();
  void index();

  std::vector<LegacyMapping> mappings_;
  std::map<uint64_t, uint32_t> by_start_;
};

}  // namespace ec
