#include "symbolize/debug_file.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

namespace ec {

namespace {

constexpr uint64_t kMostCheckedBytes = 64u << 20;
constexpr uint64_t kReadAtOnce = 1u << 20;

constexpr std::array<uint32_t, 256> make_crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = value & 1 ? 0xedb88320u ^ (value >> 1) : value >> 1;
    table[i] = value;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kCrcTable = make_crc_table();

struct Link {
  std::string name;
  uint32_t crc = 0;
};

// Name, NUL, padding to 4 bytes, CRC.
std::optional<Link> read_link_section(const ElfFile& module) {
  const ElfSection* section = module.section(".gnu_debuglink");
  if (section == nullptr) return std::nullopt;
  auto bytes = module.contents(*section, 4096);
  if (!bytes) return std::nullopt;
  size_t end = bytes->find('\0');
  if (end == std::string::npos || end == 0) return std::nullopt;
  size_t at = (end + 4) / 4 * 4;
  if (at + 4 > bytes->size()) return std::nullopt;
  Link link{bytes->substr(0, end), 0};
  std::memcpy(&link.crc, bytes->data() + at, 4);
  // Only a name: a path would lead elsewhere.
  if (link.name.find('/') != std::string::npos) return std::nullopt;
  return link;
}

std::shared_ptr<const ElfFile> open_elf(int root_fd, const std::string& path) {
  auto fd = open_regular(root_fd, path);
  if (!fd) return nullptr;
  auto elf = ElfFile::open(ByteSource(path, std::move(*fd)));
  return elf ? std::make_shared<const ElfFile>(std::move(*elf)) : nullptr;
}

bool matches_link(const ElfFile& file, const std::string& build_id, uint32_t crc) {
  std::string its_id = file.build_id();
  if (!build_id.empty() && !its_id.empty()) return its_id == build_id;
  auto its_crc = debuglink_crc(file.source());
  return its_crc && *its_crc == crc;
}

}  // namespace

Result<uint32_t> debuglink_crc(const ByteSource& source) {
  if (source.size() > kMostCheckedBytes)
    return fail(ErrorCode::kSkipped, source.name(), fmt::format("{} bytes are too many to check", source.size()));
  uint32_t crc = 0xffffffffu;
  std::string bytes;
  for (uint64_t at = 0; at < source.size(); at += kReadAtOnce) {
    if (!source.read_some(at, kReadAtOnce, bytes)) return fail_errno(source.name(), errno, "read failed");
    for (char byte : bytes) crc = kCrcTable[(crc ^ static_cast<unsigned char>(byte)) & 0xff] ^ (crc >> 8);
  }
  return crc ^ 0xffffffffu;
}

std::shared_ptr<const ElfFile> find_debug_file(const ElfFile& module, const std::string& path, int target_root_fd,
                                               std::string& reason) {
  std::string build_id = module.build_id();
  std::vector<int> roots;
  if (target_root_fd >= 0) roots.push_back(target_root_fd);
  roots.push_back(-1);
  if (build_id.size() > 2) {
    std::string by_id = fmt::format("/usr/lib/debug/.build-id/{}/{}.debug", build_id.substr(0, 2), build_id.substr(2));
    for (int root : roots)
      if (auto file = open_elf(root, by_id); file && file->build_id() == build_id) return file;
  }
  if (auto link = read_link_section(module)) {
    std::string folder = path.substr(0, path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
    for (int root : roots)
      for (const std::string& candidate : {folder + "/" + link->name, folder + "/.debug/" + link->name,
                                           "/usr/lib/debug" + folder + "/" + link->name}) {
        if (candidate == path) continue;
        if (auto file = open_elf(root, candidate); file && matches_link(*file, build_id, link->crc)) return file;
      }
  }
  reason = build_id.empty() ? "no build id to find a debug file by" : "no debug file for build id " + build_id;
  return nullptr;
}

}  // namespace ec
