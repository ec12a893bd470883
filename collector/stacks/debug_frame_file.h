#pragma once

#include <string>

#include "collector/stacks/elf_image.h"
#include "symbolize/debug_file.h"

namespace ec {

// The unpacked bytes of .debug_frame of this file or, when it has none, of its separate debug file; "" = neither has.
// `path` is the file's in the target's root.
std::string read_debug_frame(const ElfImage& image, const std::string& path, const DebugPlaces& places);

}  // namespace ec
