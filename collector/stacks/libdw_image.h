// The only thing of a module that the second engine gets to see: an ELF file of our own making that holds its call
// frame information. libdw thus never parses the target's file, which may be corrupt, shrink meanwhile, or hold a
// gigabyte of debug information that libdw would map.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ec {

struct LibdwImage {
  uint64_t address = 0, size = 0;  // of its only segment, as in the ELF file of the module; page aligned
  struct Section {
    std::string name;      // ".eh_frame_hdr" (before .eh_frame, or libdw ignores it), ".eh_frame", ".debug_frame"
    uint64_t address = 0;  // as in the ELF file of the module; 0 = not in memory
    std::string bytes;
  };
  std::vector<Section> sections;
};

// The bytes of an ELF file for this machine. The segment has no bytes in the file.
std::string elf_file_of(const LibdwImage& image);

}  // namespace ec
