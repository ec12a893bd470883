// raw/symbols.json: what `symbolize` found out about the addresses of an archive, beside the stacks as they were
// collected, which stay untouched. Modules are told by their build id.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "collector/archive/raw_store.h"
#include "collector/base/error.h"
#include "collector/snapshot/snapshot.h"

namespace ec {

inline constexpr std::string_view kAddedNamesPath = "raw/symbols.json";

std::string added_names_json(const AddedNames& names);
// Errors: malformed. What has another type is passed over.
Result<AddedNames> parse_added_names(std::string_view where, std::string_view text);
// Nothing when the archive has none, or they cannot be read.
std::optional<AddedNames> read_added_names(const RawStore& store);

// Symbols, lines and inlined functions for the frames that these names cover. A frame with a line keeps what it has.
void put_names(const AddedNames& names, Stacks& stacks);

// Archives of before the flag was stored: only what registers or a signal frame tell, and the trampoline that the
// kernel returns to from a signal, is no return address.
void infer_return_addresses(Stacks& stacks);

}  // namespace ec
