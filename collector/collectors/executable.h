// Collector "executable": which program the target is, and whether its files on disk are still those that run. Raw
// form: raw/executable.bundle with the sections
//   exe/link, exe/root              link targets of /proc/PID/exe and root
//   exe/stat, exe/disk              "MAJOR:MINOR INODE SIZE LINKS MTIME_NS" of the running file and of the file at its
//   path exe/elf, exe/comment            "key value" lines; text of .comment exe/go_version, exe/go_modules  Go build
//   information, as text exe/version_strings             "OFFSET\tFILE\tTEXT" lines: text that carries a version
//   jvm/release                     the release file beside a mapped libjvm.so
//   libraries                       a line per mapped library, see library_line()
//   dpkg/owner, dpkg/stanza         list file that names the executable; the package's stanza
//   package_database                "dpkg", "rpm" or "apk", when there is one
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "collector/collectors/collector.h"

namespace ec {

inline constexpr std::string_view kExecutableBundle = "raw/executable.bundle";

void gather_executable(GatherContext& context);
void parse_executable(const RawStore& store, Snapshot& snapshot);

// A mapped file, as /proc/PID/maps has it and as it is now at its path in the target's root.
struct MappedLibrary {
  uint64_t mapped_major = 0, mapped_minor = 0, mapped_inode = 0;
  bool deleted = false;  // maps says so
  int problem = 0;       // errno of looking at the path; then the next four are 0
  uint64_t disk_major = 0, disk_minor = 0, disk_inode = 0;
  uint64_t file_system = 0;  // statfs(2) f_type; 0 unless the inodes differ
  std::string path;

  // Deleted or replaced since it was mapped. Overlay file systems show other inodes in maps than stat(2) does, and some
  // show another device, so there only the kernel's own mark counts.
  bool changed() const;
};
// "8:1 1234 linked 8:1 1234 0 /usr/lib/libx.so"; with an error "8:1 1234 deleted errno 2 0 /usr/lib/libx.so".
// Hexadecimal device and file system numbers.
std::string library_line(const MappedLibrary& library);
// Nothing when the line does not have the form.
std::optional<MappedLibrary> parse_library_line(std::string_view line);

// The path without the root that the target has ("/srv/jail/bin/x" seen by a process in /srv/jail is "/bin/x"), and
// without " (deleted)".
std::string path_in_root(std::string_view exe_link, std::string_view root_link);

}  // namespace ec
