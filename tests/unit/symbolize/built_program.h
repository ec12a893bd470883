// Programs built with the system's compiler and binutils in a folder of their own, and what nm says of them.
#pragma once

#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace ec::test {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ec-symbolize-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline void write_file(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

inline std::string read_whole(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(stream)), {});
}

// Standard output of a shell command; `status` is that of pclose(3).
inline std::string output_of(const std::string& command, int* status = nullptr) {
  std::string text;
  FILE* pipe = ::popen(command.c_str(), "r");
  char buffer[4096];
  for (size_t got; pipe && (got = fread(buffer, 1, sizeof buffer, pipe)) > 0;) text.append(buffer, got);
  int ended = pipe ? ::pclose(pipe) : -1;
  if (status) *status = ended;
  return text;
}

inline bool run(const std::string& command) {
  int status = -1;
  output_of(command, &status);
  return status == 0;
}

struct NmSymbol {
  uint64_t address = 0, size = 0;
  char type = '?';
  std::string name;  // without version
};

// Functions with a size.
inline std::vector<NmSymbol> nm_functions(const std::string& file, const std::string& options = "") {
  std::vector<NmSymbol> symbols;
  std::istringstream lines(output_of("nm -S --defined-only " + options + " '" + file + "'"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string address, size, type, name;
    if (!(fields >> address >> size >> type >> name) || type.size() != 1) continue;
    if (std::string("tTwWi").find(type[0]) == std::string::npos) continue;
    NmSymbol symbol{std::stoull(address, nullptr, 16), std::stoull(size, nullptr, 16), type[0],
                    name.substr(0, name.find('@'))};
    if (symbol.size > 0) symbols.push_back(symbol);
  }
  return symbols;
}

}  // namespace ec::test
