// A RawStore of text and fixtures, for the tests of the host collectors.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "collector/base/bundle.h"
#include "tests/support/raw_stores.h"

namespace ec::test {

inline std::string fixture(const std::string& name) {
  std::ifstream stream(std::string(EC_FIXTURES) + "/" + name, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(stream)), {});
}

// Every file of tests/fixtures/NAME/raw.
inline RawStore load_fixture(const std::string& name) {
  RawStore store;
  std::filesystem::path root = std::filesystem::path(EC_FIXTURES) / name;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root / "raw"))
    if (entry.is_regular_file()) {
      std::string path = std::filesystem::relative(entry.path(), root).string();
      put(store, path, fixture(name + "/" + path));
    }
  return store;
}

inline std::string bundle(std::initializer_list<std::pair<std::string, std::string>> sections) {
  std::string bytes;
  for (const auto& [name, text] : sections) append_section(bytes, name, text);
  return bytes;
}

}  // namespace ec::test
