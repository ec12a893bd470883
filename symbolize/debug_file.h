// Separate debug files, as GDB's manual describes them ("Debugging Information in Separate Files"): by build id, and by
// the name and checksum in .gnu_debuglink. In the target's root first, then on the host.
#pragma once

#include <memory>
#include <string>

#include "symbolize/elf_file.h"

namespace ec {

// The debug file of `module`, whose path in the target's root is `path`. Null when there is none that matches: one
// found by build id must have this build id; one found by link must have it too or, without build ids, the right
// checksum (files up to 64 MiB). `reason` then says what was missing.
std::shared_ptr<const ElfFile> find_debug_file(const ElfFile& module, const std::string& path, int target_root_fd,
                                               std::string& reason);

// CRC-32 of the whole source as .gnu_debuglink has it. Errors: those of reading.
Result<uint32_t> debuglink_crc(const ByteSource& source);

}  // namespace ec
