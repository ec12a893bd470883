#include "collector/stacks/debug_frame_file.h"

#include <elf.h>
#include <fcntl.h>

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

std::string read_debug_frame(const ElfImage& image, const std::string& path, const DebugPlaces& places) {
  UniqueFd fd(image.fd() < 0 ? -1 : fcntl(image.fd(), F_DUPFD_CLOEXEC, 0));
  if (!fd) return {};
  auto file = ElfFile::open(ByteSource(path, std::move(fd)));
  if (!file) return {};
  if (std::string bytes = section_of(*file); !bytes.empty()) return bytes;
  std::string reason;
  auto debug = find_debug_file(*file, path, places, reason);
  return debug ? section_of(*debug) : std::string{};
}

}  // namespace ec
