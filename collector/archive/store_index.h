// What the archives of a store say of themselves, so that listing does not unpack each: ".index.json" in its directory.
// It is only a memory: an entry counts while name, size and time are those of the file, and any damage means none.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collector/archive/store.h"

namespace ec {

// For people's programs: `store list --json`.
std::string stored_archives_json(const std::vector<StoredArchive>& archives);

std::string store_index_json(const std::vector<StoredArchive>& archives);
// Entries that are malformed are left out.
std::vector<StoredArchive> parse_store_index(std::string_view json);

// `directory`: an open store. Nothing is an error: without a memory everything is looked at again.
std::vector<StoredArchive> read_store_index(int directory);
void write_store_index(int directory, const std::vector<StoredArchive>& archives);

}  // namespace ec
