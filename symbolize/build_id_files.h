// Files that have a given build id, in the layouts that people keep them in: that of /usr/lib/debug, the cache of
// debuginfod's clients (debuginfod_find_debuginfo(3)), an unpacked debug package, a copy of the whole root directory,
// or all of them directly in one directory under any name. The build id in the file decides, never its name.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "symbolize/elf_file.h"

namespace ec {

enum class ElfPart {
  kCode,   // has the instructions: the program itself, stripped or not
  kDebug,  // has a .symtab or debug information
  kLines,  // has debug information
};
bool has_part(const ElfFile& file, ElfPart part);

// Hexadecimal, two digits for each of 2 to 64 bytes: fit to be a part of a path.
bool is_build_id(std::string_view text);

// Build id → paths, of the files directly in these directories. A few thousand of each are looked at.
using BuildIdIndex = std::multimap<std::string, std::string>;
BuildIdIndex index_of(const std::vector<std::string>& directories);

// Of a module whose path is `module_path` ("" = not known) in the first of the directories that has it, else null.
// `refused` gets, one after the other, the files that have the right name and another build id.
std::shared_ptr<const ElfFile> find_in_directories(const std::string& build_id, const std::string& module_path,
                                                   ElfPart part, const std::vector<std::string>& directories,
                                                   std::string& refused);
// The same in the index.
std::shared_ptr<const ElfFile> find_in_index(const std::string& build_id, ElfPart part, const BuildIdIndex& index);

// "/.build-id/xx/yyyy": condition: is_build_id().
std::string build_id_path(const std::string& build_id);

}  // namespace ec
