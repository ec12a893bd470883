#include "collector/target/address_space.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <unordered_map>

#include "collector/base/text.h"
#include "collector/base/unique_fd.h"

namespace ec {

namespace {

// "08:02": two hexadecimal numbers with `separator` between them.
template <class T>
bool parse_pair(std::string_view field, char separator, T& first, T& second) {
  size_t at = field.find(separator);
  if (at == std::string_view::npos) return false;
  auto a = parse_number<T>(field.substr(0, at), 16), b = parse_number<T>(field.substr(at + 1), 16);
  if (!a || !b) return false;
  first = *a;
  second = *b;
  return true;
}

}  // namespace

const Region* AddressSpace::find(uint64_t address) const {
  auto after = std::upper_bound(regions.begin(), regions.end(), address,
                                [](uint64_t wanted, const Region& region) { return wanted < region.begin; });
  if (after == regions.begin()) return nullptr;
  const Region& region = *std::prev(after);
  return address < region.end ? &region : nullptr;
}

Result<AddressSpace> parse_address_space(std::string_view where, std::string_view text) {
  AddressSpace space;
  std::unordered_map<std::string_view, uint32_t> known;  // views into `text`
  LineCursor lines(where, text);
  while (auto line = lines.next()) {
    FieldCursor fields(*line);
    Region region;
    auto range = fields.word();
    if (!range || !parse_pair(*range, '-', region.begin, region.end) || region.begin >= region.end)
      return tl::unexpected(lines.expected("an address range"));
    auto permissions = fields.word();
    if (!permissions || permissions->size() != 4) return tl::unexpected(lines.expected("four permission letters"));
    region.readable = (*permissions)[0] == 'r';
    region.writable = (*permissions)[1] == 'w';
    region.executable = (*permissions)[2] == 'x';
    auto offset = fields.number<uint64_t>(16);
    auto device = fields.word();
    auto inode = fields.number<uint64_t>();
    if (!offset || !device || !inode || !parse_pair(*device, ':', region.device_major, region.device_minor))
      return tl::unexpected(lines.expected("offset, device and inode"));
    // The kernel writes maps page by page while the process may change it: what goes back is from a later moment.
    if (!space.regions.empty() && region.begin < space.regions.back().end) continue;
    region.offset = *offset;
    region.inode = *inode;
    std::string_view name = fields.rest();
    name.remove_prefix(std::min(name.find_first_not_of(' '), name.size()));
    auto [place, added] = known.emplace(name, static_cast<uint32_t>(space.names.size()));
    if (added) space.names.push_back(unescape_octal(name));
    region.name = place->second;
    space.regions.push_back(region);
  }
  return space;
}

Result<AddressSpace> read_address_space(pid_t pid, pid_t live_tid) {
  std::string path = fmt::format("/proc/{}/task/{}/maps", pid, live_tid);
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno(path, errno);
  std::string text;
  constexpr size_t kChunk = 64 * 1024, kLimit = 64u << 20;
  while (text.size() < kLimit) {
    size_t before = text.size();
    text.resize(before + kChunk);
    ssize_t got = ::read(fd.get(), text.data() + before, kChunk);
    text.resize(before + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(path, errno);
    if (got == 0) break;
  }
  if (text.empty())
    return fail(ErrorCode::kUnsupported, path, "no memory map: a kernel thread, or a process that has ended");
  return parse_address_space(path, text);
}

}  // namespace ec
