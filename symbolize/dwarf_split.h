// Split debug information (DWARF 5, section 7.3, and GNU's for DWARF 4): the files that hold what a skeleton unit
// points to, by themselves (.dwo) or in a package (.dwp). Private to symbolize/.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "symbolize/dwarf_unit.h"

namespace ec {

// Where the unit with this id has its parts in the sections of a package: [kind] = offset and size, kinds as in
// DW_SECT_… of `version` 2 or 5 (section 7.3.5.3). Nothing when it has no such unit or is damaged.
struct PackagePart {
  uint32_t offset = 0, size = 0;
};
struct PackageRow {
  uint16_t version = 0;
  std::map<uint32_t, PackagePart> parts;
};
std::optional<PackageRow> find_in_package(std::string_view cu_index, uint64_t id);

class DwarfSplitFiles {
 public:
  struct Found {
    DwarfImage* image;
    DwarfUnitHeader header;
  };
  // The unit that the skeleton stands for; what it is in is kept until forget(). `beside`: the file with the skeleton.
  std::optional<Found> find(const DwarfUnit& skeleton, const std::string& beside);
  void forget() { images_.clear(); }

 private:
  std::optional<Found> in_package(const DwarfUnit& skeleton, const std::string& beside);
  std::optional<Found> in_file(const DwarfUnit& skeleton, const std::string& path);
  std::optional<Found> keep(DwarfImage image, const DwarfUnit& skeleton);

  bool sought_ = false;
  std::optional<DwarfImage> package_;
  std::string index_;
  std::map<const DwarfUnit*, std::unique_ptr<DwarfImage>> images_;
};

}  // namespace ec
