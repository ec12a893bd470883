#pragma once

#include <string_view>

namespace ec {

enum class ArchiveFormat { kTarZst, kTarGz, kZip };
std::string_view extension(ArchiveFormat format);  // ".tar.zst"

// What the name of an archive ends with whose names were added afterwards.
inline constexpr std::string_view kSymbolized = ".symbolized";

}  // namespace ec
