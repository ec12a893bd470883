// Where members of structures lie, from debug information.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "symbolize/elf_file.h"

namespace ec {

struct MemberPath {
  std::string_view type;    // "runtime.g"
  std::string_view member;  // "goid"; of a structure within it "sched.sp"
};

// The offset of each from the beginning of its type, in bytes; nothing for one that is not there. `unit`: the unit that
// describes the types, by its name; for Go that is the package.
// Errors: not-found (no debug information, or no such unit), and those of SourceLines::open(). Bounded: the most that
// is looked at are the entries of 256 units.
Result<std::vector<std::optional<uint64_t>>> member_offsets(std::shared_ptr<const ElfFile> file, std::string_view unit,
                                                            const std::vector<MemberPath>& paths);

}  // namespace ec
