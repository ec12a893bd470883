// A folder of tests/fixtures as the store of an archive.
#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <string>

#include "collector/archive/raw_store.h"

namespace ec {

inline std::string fixture_text(const std::string& name) {
  std::ifstream file(std::string(EC_FIXTURES) + "/" + name, std::ios::binary);
  if (!file) throw std::runtime_error("no fixture " + name);
  return std::string((std::istreambuf_iterator<char>(file)), {});
}

inline void add_text(RawStore& store, std::string path, std::string bytes) {
  ArtifactRow row;
  row.path = std::move(path);
  store.add(std::move(row), std::move(bytes));
}

inline RawStore files_fixture(
    const std::string& folder,
    const std::function<bool(std::string_view)>& without = [](std::string_view) { return false; }) {
  RawStore store;
  std::filesystem::path root = std::filesystem::path(EC_FIXTURES) / folder;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (!entry.is_regular_file()) continue;
    std::string path = std::filesystem::relative(entry.path(), root).string();
    if (!without(path)) add_text(store, path, fixture_text(folder + "/" + path));
  }
  return store;
}

}  // namespace ec
