#include "collector/stacks/elf_image.h"

#include <elf.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace ec {

namespace {

constexpr uint64_t kBlock = 16 * 1024;
constexpr uint64_t kLargestFile = uint64_t{16} << 30;
constexpr uint32_t kMostSegments = 1024, kMostSections = 16384;
constexpr uint64_t kPage = 4096;

#if defined(__x86_64__)
constexpr uint16_t kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr uint16_t kMachine = EM_AARCH64;
#else
#error "unwinding knows x86-64 and aarch64"
#endif

// `count` bytes from `offset` lie below `limit`.
bool within(uint64_t offset, uint64_t count, uint64_t limit) { return offset <= limit && count <= limit - offset; }

}  // namespace

PagedBytes::PagedBytes(UniqueFd fd, uint64_t size) : fd_(std::move(fd)), size_(std::min(size, kLargestFile)) {
  blocks_.resize((size_ + kBlock - 1) / kBlock);
}

PagedBytes::PagedBytes(std::string bytes) : size_(bytes.size()), owned_(std::move(bytes)) {}

const char* PagedBytes::block(uint64_t index) {
  auto& place = blocks_[index];
  if (place) return place.get();
  auto fresh = std::make_unique<char[]>(kBlock);
  size_t wanted = std::min(kBlock, size_ - index * kBlock), filled = 0;
  while (filled < wanted) {
    ssize_t got = pread(fd_.get(), fresh.get() + filled, wanted - filled, static_cast<off_t>(index * kBlock + filled));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return nullptr;
    filled += static_cast<size_t>(got);
  }
  place = std::move(fresh);
  return place.get();
}

bool PagedBytes::read(uint64_t offset, void* destination, size_t count) {
  if (!within(offset, count, size_)) return false;
  if (!fd_) {
    std::memcpy(destination, owned_.data() + offset, count);
    return true;
  }
  auto* out = static_cast<char*>(destination);
  while (count > 0) {
    const char* from = block(offset / kBlock);
    if (!from) return false;
    size_t skip = offset % kBlock, take = std::min<size_t>(count, kBlock - skip);
    std::memcpy(out, from + skip, take);
    out += take;
    offset += take;
    count -= take;
  }
  return true;
}

Result<std::unique_ptr<ElfImage>> ElfImage::open(UniqueFd fd, uint64_t size, const std::string& where) {
  return parse(PagedBytes(std::move(fd), size), where);
}

Result<std::unique_ptr<ElfImage>> ElfImage::from_bytes(std::string bytes, const std::string& where) {
  return parse(PagedBytes(std::move(bytes)), where);
}

std::unique_ptr<ElfImage> ElfImage::of_memory(uint64_t address, std::string bytes) {
  constexpr uint64_t kWord = 8;
  bytes.insert(0, address % kWord, '\0');
  address -= address % kWord;
  bytes.resize((bytes.size() + kWord - 1) / kWord * kWord);
  uint64_t size = bytes.size(), end;
  std::unique_ptr<ElfImage> image(new ElfImage(PagedBytes(std::move(bytes))));
  if (!__builtin_add_overflow(address, size, &end)) image->segments_.push_back({0, address, size, size, false, false});
  return image;
}

Result<std::unique_ptr<ElfImage>> ElfImage::parse(PagedBytes bytes, const std::string& where) {
  Elf64_Ehdr header;
  if (!bytes.read(0, &header, sizeof header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return fail(ErrorCode::kMalformed, where, "expected an ELF header");
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_machine != kMachine)
    return fail(ErrorCode::kUnsupported, where, "an ELF file of another machine");
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum > kMostSegments)
    return fail(ErrorCode::kMalformed, where, "expected a table of at most 1024 program headers");

  std::unique_ptr<ElfImage> image(new ElfImage(std::move(bytes)));
  for (uint64_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr program;
    if (header.e_phoff > kLargestFile ||
        !image->bytes_.read(header.e_phoff + i * sizeof program, &program, sizeof program))
      return fail(ErrorCode::kMalformed, where, "expected program headers within the file");
    Segment segment{program.p_offset,
                    program.p_vaddr,
                    program.p_filesz,
                    program.p_memsz,
                    (program.p_flags & PF_X) != 0,
                    (program.p_flags & PF_W) != 0};
    uint64_t end;
    if (__builtin_add_overflow(segment.address, std::max(segment.file_size, segment.memory_size), &end)) continue;
    if (program.p_type == PT_LOAD) image->segments_.push_back(segment);
    if (program.p_type == PT_GNU_EH_FRAME) image->eh_frame_header_ = segment;
  }
  if (header.e_shentsize == sizeof(Elf64_Shdr) && header.e_shnum <= kMostSections) {
    image->section_headers_ = header.e_shoff;
    image->section_count_ = header.e_shnum;
    image->section_names_ = header.e_shstrndx;
  }
  return image;
}

std::optional<ElfImage::Section> ElfImage::section(std::string_view name) {
  if (section_names_ >= section_count_ || section_headers_ > kLargestFile) return std::nullopt;
  Elf64_Shdr names;
  if (!bytes_.read(section_headers_ + section_names_ * sizeof names, &names, sizeof names)) return std::nullopt;
  std::array<char, 32> found{};
  if (name.size() + 1 > found.size()) return std::nullopt;
  for (uint64_t i = 0; i < section_count_; ++i) {
    Elf64_Shdr header;
    if (!bytes_.read(section_headers_ + i * sizeof header, &header, sizeof header)) return std::nullopt;
    if (header.sh_name >= names.sh_size || names.sh_offset > kLargestFile) continue;
    if (!bytes_.read(names.sh_offset + header.sh_name, found.data(), name.size() + 1)) continue;
    if (std::string_view(found.data(), name.size()) != name || found[name.size()] != '\0') continue;
    if (header.sh_type == SHT_NOBITS || (header.sh_flags & SHF_COMPRESSED)) return std::nullopt;
    return Section{header.sh_offset, header.sh_addr, header.sh_size};
  }
  return std::nullopt;
}

bool ElfImage::is_go() {
  if (!go_) go_ = section(".gopclntab") || section(".go.buildinfo") || section(".data.rel.ro.gopclntab");
  return *go_;
}

std::optional<uint64_t> ElfImage::bias(uint64_t mapping_begin, uint64_t mapping_offset, bool executable) const {
  const Segment* best = nullptr;
  auto rank = [&](const Segment& segment) {
    return (segment.offset / kPage * kPage == mapping_offset ? 2 : 0) + (segment.executable == executable ? 1 : 0);
  };
  for (const Segment& segment : segments_) {
    // A file page at the edge of two segments is mapped for both; permissions tell them apart. A mapping split by
    // mprotect or relro starts in the middle of its segment.
    uint64_t first = segment.offset / kPage * kPage;
    if (mapping_offset < first || mapping_offset - first >= segment.file_size + (segment.offset - first)) continue;
    if (!best || rank(segment) > rank(*best)) best = &segment;
  }
  if (!best) return std::nullopt;
  return mapping_begin - mapping_offset - best->address + best->offset;
}

bool ElfImage::read_address(uint64_t address, void* destination, size_t count) {
  for (const Segment& segment : segments_) {
    if (address < segment.address || !within(address - segment.address, count, segment.file_size)) continue;
    uint64_t offset;
    if (__builtin_add_overflow(segment.offset, address - segment.address, &offset)) return false;
    return bytes_.read(offset, destination, count);
  }
  return false;
}

uint64_t ElfImage::segment_end(uint64_t address) const {
  for (const Segment& segment : segments_)
    if (address >= segment.address && address - segment.address < segment.file_size)
      return segment.address + segment.file_size;
  return 0;
}

}  // namespace ec
