#include "collector/stacks/image_tables.h"

#include <elf.h>
#include <fcntl.h>

#include <cerrno>

namespace ec {

namespace {

constexpr uint64_t kLargest = 256u << 20;

std::string section_of(const ElfFile& file) {
  const ElfSection* section = file.section(".debug_frame");
  if (section == nullptr || section->type == SHT_NOBITS) return {};
  auto bytes = file.contents(*section, kLargest);
  return bytes ? std::move(*bytes) : std::string{};
}

}  // namespace

Result<ElfFile> open_elf_file(ElfImage& image, const std::string& path) {
  if (image.fd() >= 0) {
    UniqueFd fd(fcntl(image.fd(), F_DUPFD_CLOEXEC, 0));
    if (!fd) return fail_errno(path, errno);
    return ElfFile::open(ByteSource(path, std::move(fd)));
  }
  std::string bytes(image.file_size(), '\0');
  image.read_offset(0, bytes.data(), bytes.size());
  return ElfFile::open(ByteSource(path, std::move(bytes)));
}

std::string read_debug_frame(ElfImage& image, const std::string& path, const DebugPlaces& places) {
  auto file = open_elf_file(image, path);
  if (!file) return {};
  if (std::string bytes = section_of(*file); !bytes.empty()) return bytes;
  std::string reason;
  auto debug = find_debug_file(*file, path, places, reason);
  return debug ? section_of(*debug) : std::string{};
}

std::optional<GoPcTable> read_go_functions(ElfImage& image, const std::string& path) {
  auto file = image.is_go() ? open_elf_file(image, path) : fail(ErrorCode::kNotFound, path, "");
  return file ? GoPcTable::find(*file) : std::nullopt;
}

}  // namespace ec
