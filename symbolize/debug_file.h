// Separate debug files, as GDB's manual describes them ("Debugging Information in Separate Files"): by build id, and by
// the name and checksum in .gnu_debuglink. In the given directories first, then in the target's root, then on the host.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "symbolize/build_id_files.h"
#include "symbolize/elf_file.h"

namespace ec {

struct DebugPlaces {
  // Of the target's root directory, -1 = none. Not owned: it stays open as long as files are looked for.
  int target_root_fd = -1;
  // On the host, in the layouts of build_id_files.h.
  std::vector<std::string> directories;
  // More files whose build ids are known.
  BuildIdIndex known = {};
  // Whether the .dwo files of split debug information are opened where the debug information says. Not for the files
  // of a target: it would choose what we open.
  bool split_files = false;
};

// The file that a module was mapped from, for when only its build id and its path are left: with its code or, failing
// that, its debug file. Never by the path on the host: that comes from somebody's archive. Null: `reason` says why.
std::shared_ptr<const ElfFile> find_module(const std::string& build_id, const std::string& path,
                                           const DebugPlaces& places, std::string& reason);

// The debug file of `module`, whose path in the target's root is `path`. Null when there is none that matches: one
// found by build id must have this build id; one found by link must have it too or, without build ids, the right
// checksum (files up to 64 MiB). `reason` then says what was missing.
std::shared_ptr<const ElfFile> find_debug_file(const ElfFile& module, const std::string& path,
                                               const DebugPlaces& places, std::string& reason);

// The file that dwz(1) moved what several debug files have in common to (.gnu_debugaltlink), by its build id. Null when
// `debug` has no such link, or the file is not there.
std::shared_ptr<const ElfFile> find_alt_file(const ElfFile& debug, const DebugPlaces& places);

// The build id of that file, "" = no such link.
std::string alt_build_id(const ElfFile& debug);

// CRC-32 of the whole source as .gnu_debuglink has it. Errors: those of reading.
Result<uint32_t> debuglink_crc(const ByteSource& source);

}  // namespace ec
