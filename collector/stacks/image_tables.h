// Tables for unwinding that are read whole, from their section.
#pragma once

#include <optional>
#include <string>

#include "collector/stacks/elf_image.h"
#include "symbolize/debug_file.h"
#include "symbolize/go_pcvalue.h"

namespace ec {

// The same file for reading its sections. Errors: those of ElfFile::open().
Result<ElfFile> open_elf_file(ElfImage& image, const std::string& path);

// The unpacked bytes of .debug_frame of this file or, when it has none, of its separate debug file; "" = neither has.
// `path` is the file's in the target's root.
std::string read_debug_frame(ElfImage& image, const std::string& path, const DebugPlaces& places);

// Nothing when the file is no Go program, or one whose table has an unknown layout.
std::optional<GoPcTable> read_go_functions(ElfImage& image, const std::string& path);

}  // namespace ec
