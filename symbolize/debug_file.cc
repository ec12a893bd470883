#include "symbolize/debug_file.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include "collector/base/sha256.h"

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

struct AltLink {
  std::string name, build_id;
};

// Name, NUL, build id.
std::optional<AltLink> read_alt_link(const ElfFile& debug) {
  const ElfSection* section = debug.section(".gnu_debugaltlink");
  auto bytes = section ? debug.contents(*section, 4096) : Result<std::string>(std::string());
  size_t end = bytes ? bytes->find('\0') : std::string::npos;
  if (end == std::string::npos || end + 1 >= bytes->size()) return std::nullopt;
  return AltLink{bytes->substr(0, end), to_hex(std::string_view(*bytes).substr(end + 1))};
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

std::vector<int> roots_of(const DebugPlaces& places) {
  std::vector<int> roots;
  if (places.target_root_fd >= 0) roots.push_back(places.target_root_fd);
  roots.push_back(-1);
  return roots;
}

std::shared_ptr<const ElfFile> open_by_id(const std::string& build_id, const std::string& path,
                                          const DebugPlaces& places, std::string& refused) {
  if (!is_build_id(build_id)) return nullptr;
  if (auto file = find_in_directories(build_id, path, ElfPart::kDebug, places.directories, refused)) return file;
  if (auto file = find_in_index(build_id, ElfPart::kDebug, places.known)) return file;
  std::string name = build_id_path(build_id) + ".debug";
  for (int root : roots_of(places))
    if (auto file = open_elf(root, "/usr/lib/debug" + name); file && file->build_id() == build_id) return file;
  return nullptr;
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

std::shared_ptr<const ElfFile> find_module(const std::string& build_id, const std::string& path,
                                           const DebugPlaces& places, std::string& reason) {
  if (!is_build_id(build_id)) {
    reason = "no build id to find a file by";
    return nullptr;
  }
  std::string refused;
  if (auto file = find_in_directories(build_id, path, ElfPart::kCode, places.directories, refused)) return file;
  if (auto file = find_in_index(build_id, ElfPart::kCode, places.known)) return file;
  refused.clear();  // the same files
  if (auto file = open_by_id(build_id, path, places, refused)) return file;
  reason = "no file with build id " + build_id + (refused.empty() ? "" : ": " + refused);
  return nullptr;
}

std::shared_ptr<const ElfFile> find_debug_file(const ElfFile& module, const std::string& path,
                                               const DebugPlaces& places, std::string& reason) {
  std::string build_id = module.build_id();
  size_t slash = path.rfind('/');
  std::string folder = path.substr(0, slash == std::string::npos ? 0 : slash);
  std::string refused;
  if (auto file = open_by_id(build_id, path, places, refused)) return file;
  if (auto link = read_link_section(module)) {
    auto matching = [&](int root, const std::string& candidate) -> std::shared_ptr<const ElfFile> {
      auto file = candidate == path ? nullptr : open_elf(root, candidate);
      return file && matches_link(*file, build_id, link->crc) ? file : nullptr;
    };
    for (const std::string& directory : places.directories)
      for (const std::string& candidate : {directory + folder + "/" + link->name, directory + "/" + link->name})
        if (auto file = matching(-1, candidate)) return file;
    for (int root : roots_of(places))
      for (const std::string& candidate :
           {folder + "/" + link->name, folder + "/.debug/" + link->name, "/usr/lib/debug" + folder + "/" + link->name})
        if (auto file = matching(root, candidate)) return file;
  }
  reason = build_id.empty() ? "no build id to find a debug file by" : "no debug file for build id " + build_id;
  if (!refused.empty()) reason += ": " + refused;
  return nullptr;
}

std::string alt_build_id(const ElfFile& debug) {
  auto link = read_alt_link(debug);
  return link ? link->build_id : "";
}

std::shared_ptr<const ElfFile> find_alt_file(const ElfFile& debug, const DebugPlaces& places) {
  auto link = read_alt_link(debug);
  if (!link) return nullptr;
  auto& [name, build_id] = *link;
  std::string refused;
  if (auto file = open_by_id(build_id, "", places, refused)) return file;
  // "/usr/lib/debug/.dwz/…", or relative to the debug file. What it leads to must have the build id.
  size_t base = name.rfind('/');
  for (const std::string& directory : places.directories) {
    std::string candidate = directory + "/.dwz/" + name.substr(base == std::string::npos ? 0 : base + 1);
    if (auto file = open_elf(-1, candidate); file && file->build_id() == build_id) return file;
  }
  if (!name.starts_with('/')) name = debug.source().name().substr(0, debug.source().name().rfind('/') + 1) + name;
  for (int root : roots_of(places))
    if (auto file = open_elf(root, name); file && file->build_id() == build_id) return file;
  return nullptr;
}

}  // namespace ec
