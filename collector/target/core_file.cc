#include "collector/target/core_file.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <unordered_map>

#include "collector/base/text.h"

namespace ec {

namespace {

constexpr uint64_t kMostNotes = 256u << 20;   // 10,000 threads take 35 MiB
constexpr uint32_t kMostSegments = 1u << 20;  // vm.max_map_count is 65,530 by default
constexpr uint64_t kUserAddresses = uint64_t{1} << 47;

// Up to `size` bytes: fewer at the end of the file.
std::string read_at(int fd, uint64_t offset, uint64_t size) {
  std::string bytes(size, '\0');
  size_t have = 0;
  while (have < size) {
    ssize_t got = pread(fd, bytes.data() + have, size - have, static_cast<off_t>(offset + have));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    have += static_cast<size_t>(got);
  }
  bytes.resize(have);
  return bytes;
}

// With more segments than a 16-bit field can count, a kernel puts their number into a section header at the very end,
// which a core cut short has lost. The notes follow the table at once, so their place tells it as well.
uint32_t segment_count(int fd, const CoreHeader& header, uint64_t file_size) {
  if (header.count) return *header.count;
  if (header.section_headers < file_size)
    if (uint32_t count = count_from_section(read_at(fd, header.section_headers, kElfHeaderBytes))) return count;
  CoreLayout first = parse_core_layout(read_at(fd, header.table_offset, kProgramHeaderBytes));
  if (first.notes_offset <= header.table_offset) return 0;
  return static_cast<uint32_t>(
      std::min<uint64_t>((first.notes_offset - header.table_offset) / kProgramHeaderBytes, kMostSegments));
}

class SpaceBuilder {
 public:
  explicit SpaceBuilder(const CoreNotes& notes) : files_(notes.files) {
    std::stable_sort(files_.begin(), files_.end(),
                     [](const CoreMappedFile& a, const CoreMappedFile& b) { return a.begin < b.begin; });
    space_.names.emplace_back();
    vdso_ = notes.auxv.value(AT_SYSINFO_EHDR).value_or(0);
  }

  AddressSpace build(const std::vector<CoreSegment>& segments) {
    for (const CoreSegment& segment : segments) add_segment(segment);
    for (const CoreMappedFile& file : files_) add_uncovered(file);
    auto& regions = space_.regions;
    std::stable_sort(regions.begin(), regions.end(),
                     [](const Region& a, const Region& b) { return a.begin < b.begin; });
    uint64_t reached = 0;
    std::erase_if(regions, [&](const Region& region) {
      bool overlaps = region.begin < reached;
      if (!overlaps) reached = region.end;
      return overlaps;
    });
    return std::move(space_);
  }

 private:
  // One mapping may have several files where a debugger joined segments.
  void add_segment(const CoreSegment& segment) {
    auto file = std::upper_bound(files_.begin(), files_.end(), segment.begin,
                                 [](uint64_t address, const CoreMappedFile& each) { return address < each.end; });
    for (uint64_t at = segment.begin; at < segment.end;) {
      while (file != files_.end() && file->end <= at) ++file;
      Region region;
      region.begin = at;
      region.end = segment.end;
      region.readable = segment.readable;
      region.writable = segment.writable;
      region.executable = segment.executable;
      if (file != files_.end() && file->begin <= at) {
        region.end = std::min(segment.end, file->end);
        put_file(region, *file);
      } else if (file != files_.end()) {
        region.end = std::min(segment.end, std::max(file->begin, at + 1));
      }
      if (region.begin == vdso_ && vdso_ != 0) region.name = name_of("[vdso]");
      at = region.end;
      space_.regions.push_back(region);
    }
    covered_ = space_.regions.size();
  }

  void add_uncovered(const CoreMappedFile& file) {
    auto first = space_.regions.begin(), last = first + static_cast<std::ptrdiff_t>(covered_);
    auto inside = std::upper_bound(first, last, file.begin,
                                   [](uint64_t address, const Region& region) { return address < region.end; });
    if (inside != last && inside->begin < file.end) return;
    Region region;
    region.begin = file.begin;
    region.end = file.end;
    region.readable = region.executable = true;
    put_file(region, file);
    space_.regions.push_back(region);
  }

  void put_file(Region& region, const CoreMappedFile& file) {
    region.name = name_of(file.path);
    region.inode = region.name;
    region.offset = file.offset + (region.begin - file.begin);
  }

  uint32_t name_of(const std::string& name) {
    auto [place, added] = known_.emplace(name, static_cast<uint32_t>(space_.names.size()));
    if (added) space_.names.push_back(name);
    return place->second;
  }

  std::vector<CoreMappedFile> files_;
  AddressSpace space_;
  std::unordered_map<std::string, uint32_t> known_;
  uint64_t vdso_ = 0;
  size_t covered_ = 0;
};

}  // namespace

AddressSpace core_address_space(const std::vector<CoreSegment>& segments, const CoreNotes& notes) {
  return SpaceBuilder(notes).build(segments);
}

Result<CoreFile> CoreFile::open(const std::string& path) {
  CoreFile core;
  core.path_ = path;
  core.fd_ = std::make_shared<UniqueFd>(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  int fd = core.fd_->get();
  struct stat info;
  if (fd < 0 || fstat(fd, &info) != 0) return fail_errno(path, errno);
  if (!S_ISREG(info.st_mode))
    return fail(ErrorCode::kUnsupported, path, "not a regular file: write the core to one first");
  core.size_ = static_cast<uint64_t>(info.st_size);
  auto header = parse_core_header(path, read_at(fd, 0, kElfHeaderBytes));
  if (!header) return tl::unexpected(header.error());
  uint64_t table_bytes =
      uint64_t{std::min(segment_count(fd, *header, core.size_), kMostSegments)} * kProgramHeaderBytes;
  core.layout_ = parse_core_layout(read_at(
      fd, header->table_offset, std::min(table_bytes, core.size_ - std::min(core.size_, header->table_offset))));
  const CoreLayout& layout = core.layout_;
  if (layout.notes_bytes == 0 && header->table_offset + table_bytes > core.size_)
    return fail(ErrorCode::kTruncated, path,
                fmt::format("cut short at {}, within its headers", human_bytes(static_cast<double>(core.size_))));
  if (layout.notes_bytes == 0) return fail(ErrorCode::kMalformed, path, "it has no notes: no thread is known");
  if (layout.notes_offset >= core.size_)
    return fail(ErrorCode::kTruncated, path,
                fmt::format("cut short at {}: the notes with threads and registers were to come at {}",
                            human_bytes(static_cast<double>(core.size_)),
                            human_bytes(static_cast<double>(layout.notes_offset))));
  core.notes_ = parse_core_notes(
      read_at(fd, layout.notes_offset, std::min({layout.notes_bytes, core.size_ - layout.notes_offset, kMostNotes})));
  if (core.notes_.threads.empty()) return fail(ErrorCode::kMalformed, path, "its notes tell of no x86-64 thread");
  core.space_ = core_address_space(layout.segments, core.notes_);
  return core;
}

uint64_t CoreFile::memory_bytes() const {
  uint64_t sum = 0;
  for (const CoreSegment& segment : layout_.segments) sum += segment.file_bytes;
  return sum;
}

uint64_t CoreFile::missing_bytes() const {
  uint64_t sum = 0;
  for (const CoreSegment& segment : layout_.segments) {
    uint64_t end = segment.offset + segment.file_bytes;
    if (end > size_) sum += std::min(end - size_, segment.file_bytes);
  }
  return sum;
}

int CoreFile::pid() const { return notes_.process ? notes_.process->pid : notes_.threads.front().tid; }

std::string CoreFile::comm() const { return notes_.process ? notes_.process->comm : std::string{}; }

size_t CoreFile::read(uint64_t address, void* destination, size_t size) const {
  size_t copied = 0;
  while (copied < size && address < kUserAddresses * 2) {
    auto after = std::upper_bound(layout_.segments.begin(), layout_.segments.end(), address,
                                  [](uint64_t wanted, const CoreSegment& segment) { return wanted < segment.begin; });
    if (after == layout_.segments.begin()) break;
    const CoreSegment& segment = *std::prev(after);
    uint64_t inside = address - segment.begin;
    if (inside >= segment.file_bytes) break;
    size_t count = std::min<uint64_t>(size - copied, segment.file_bytes - inside);
    uint64_t offset = segment.offset + inside;
    if (offset > static_cast<uint64_t>(INT64_MAX) - count) break;
    ssize_t got = pread(fd_->get(), static_cast<char*>(destination) + copied, count, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    copied += static_cast<size_t>(got);
    address += static_cast<uint64_t>(got);
  }
  return copied;
}

}  // namespace ec
