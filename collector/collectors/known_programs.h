// Programs and language runtimes that are known by their file names, and how their files tell the version. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collector/collectors/dpkg.h"

namespace ec {

// What stands before the version in the read-only data of this file: "nginx/", "3.11." for python3.11. Empty when the
// file is not known, or when its data does not tell.
std::vector<std::string> version_needles(std::string_view path);

// Mapped libraries whose data tells the version of a language runtime: libpython3.11.so.1.0, libnode.so …
bool is_runtime_library(std::string_view path);

struct ProgramFacts {
  std::string path;                    // of the executable
  std::vector<std::string> texts;      // found with version_needles() in the executable or a runtime library
  std::vector<std::string> libraries;  // mapped, paths
  std::string go_version;              // "1.19.8"
  std::string java_release;            // text of the JVM's release file
  std::string comment;                 // .comment: what compiled it
  std::optional<DpkgPackage> package;
};

// "Go 1.19.8", "JVM 17.0.15", "CPython 3.11.2", "C/C++" …; without a version when nothing tells it.
std::string language_of(const ProgramFacts& facts);
// "PostgreSQL 15.18", "Redis 7.0.15"; the version is the package's when the file does not tell it. "" = unknown.
std::string product_of(const ProgramFacts& facts);

}  // namespace ec
