#include "collector/archive/unpack_start.h"

#include <archive.h>

#include <memory>

namespace ec {

namespace {

struct FreeReader {
  void operator()(archive* a) const { archive_read_free(a); }
};

}  // namespace

std::optional<std::string> unpack_start(std::string_view packed, size_t limit) {
  std::unique_ptr<archive, FreeReader> reader(archive_read_new());
  archive* a = reader.get();
  // ARCHIVE_WARN: libarchive would do it by an external program.
  if (archive_read_support_filter_zstd(a) != ARCHIVE_OK || archive_read_support_filter_xz(a) != ARCHIVE_OK)
    return std::nullopt;
  archive_read_support_format_raw(a);
  archive_entry* entry = nullptr;
  if (archive_read_open_memory(a, packed.data(), packed.size()) != ARCHIVE_OK ||
      archive_read_next_header(a, &entry) != ARCHIVE_OK || archive_filter_count(a) != 2)  // raw takes plain bytes too
    return std::nullopt;
  std::string bytes(limit, '\0');
  size_t filled = 0;
  while (filled < limit) {
    la_ssize_t got = archive_read_data(a, bytes.data() + filled, limit - filled);
    if (got < 0) return std::nullopt;
    if (got == 0) break;
    filled += static_cast<size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

}  // namespace ec
