// Finds the Python interpreter in a process: its file, its _PyRuntime, its version.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "collector/runtimes/python_stacks.h"
#include "collector/stacks/modules.h"

namespace ec {

// Addresses in the file of the named symbols, from .dynsym, else .symtab; 0 = not there.
std::vector<uint64_t> symbol_addresses(ElfImage& image, const std::vector<std::string_view>& names);

// Minor version of Python 3 from the name of a file: 8 for "/usr/lib/libpython3.8.so.1.0", "/usr/bin/python3.8",
// "/usr/lib/python3.8/lib-dynload/_json.so".
std::optional<int> python_minor_of_path(std::string_view path);

// Files that may hold an interpreter are the executable (`executable`, as maps names it) and those with "python" in
// their name. Nothing: this is no Python. Errors: unsupported (a version that is not known, or without its symbols).
Result<std::optional<PythonSite>> find_python(Modules& modules, const std::string& executable, RuntimeMemory& memory);

}  // namespace ec
