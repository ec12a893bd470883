// What the Go linker notes about a program: runtime/debug.BuildInfo as stored in the section .go.buildinfo; the layout
// is that of Go's own reader, src/debug/buildinfo/buildinfo.go. Both forms: pointers to Go strings (1.13 to 1.17) and
// the strings themselves (1.18 and later).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "collector/base/error.h"
#include "symbolize/elf_file.h"

namespace ec {

// The two strings, as text.
struct GoBuildText {
  std::string version;  // "go1.19.8"
  std::string modules;  // lines "path\t…", "mod\t…", "dep\t…", "build\tKEY=VALUE"; "" when built without modules
};

struct GoBuildInfo {
  std::string version;  // "1.19.8"
  std::string path;     // of the main package
  std::string module, module_version;
  std::map<std::string, std::string> settings;  // "GOOS", "vcs.revision" …
  size_t dependencies = 0;
};

// Bytes of the program at an address; nothing when they are not there.
using ReadMemory = std::function<std::optional<std::string>(uint64_t address, uint64_t length)>;

// `section`: bytes that hold the build info at a multiple of 16. `memory` is asked for the older form only.
// Errors: not-found without the magic, malformed, truncated.
Result<GoBuildText> parse_go_buildinfo(std::string_view section, const ReadMemory& memory);
// Same, from a file: its section, or the start of its data segment. Errors: not-found, malformed, those of reading.
Result<GoBuildText> go_buildinfo(const ElfFile& elf);

// Unknown lines are passed over.
GoBuildInfo parse_go_modules(std::string_view version, std::string_view modules);

}  // namespace ec
