// What is put into a RawStore by hand: an artifact that was collected whole.
#pragma once

#include <string>
#include <string_view>

#include "collector/archive/raw_store.h"

namespace ec::test {

// The second reading is one second after the first, so that rates are differences.
inline void put(RawStore& store, std::string_view path, std::string_view bytes) {
  ArtifactRow row;
  row.path = path;
  row.at_ms = path.starts_with("raw/second/") ? 1250 : 250;
  store.add(std::move(row), std::string(bytes));
}

}  // namespace ec::test
