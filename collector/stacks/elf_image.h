// An ELF file as unwinding needs it: program headers, and bytes by offset or by address. The file belongs to the
// target: it may be corrupt, or shrink while we read, so it is read in blocks with pread(2), every offset is checked,
// and nothing is mapped (a mapping of a file that shrinks ends in SIGBUS). Only the blocks that are touched take
// memory.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "collector/base/error.h"
#include "collector/base/unique_fd.h"

namespace ec {

// Random access to bytes of a file, or to bytes in memory.
class PagedBytes {
 public:
  // `size` of the file when it was opened.
  PagedBytes(UniqueFd fd, uint64_t size);
  explicit PagedBytes(std::string bytes);

  uint64_t size() const { return size_; }
  int fd() const { return fd_.get(); }
  // All `count` bytes, or false: the range leaves the file, or the file shrank.
  bool read(uint64_t offset, void* destination, size_t count);

 private:
  const char* block(uint64_t index);

  UniqueFd fd_;
  uint64_t size_ = 0;
  std::string owned_;
  std::vector<std::unique_ptr<char[]>> blocks_;
};

class ElfImage {
 public:
  struct Segment {
    uint64_t offset = 0, address = 0, file_size = 0, memory_size = 0;
    bool executable = false, writable = false;
  };
  struct Section {
    uint64_t offset = 0, address = 0, size = 0;
  };

  // Errors: malformed (not an ELF file, damaged headers), unsupported (32 bits or another machine).
  static Result<std::unique_ptr<ElfImage>> open(UniqueFd fd, uint64_t size, const std::string& where);
  static Result<std::unique_ptr<ElfImage>> from_bytes(std::string bytes, const std::string& where);
  // Bytes at these addresses, without a file around them. Whole words may be read: what lacks of the first and the last
  // one is zero. Nothing can be read where the addresses would wrap around.
  static std::unique_ptr<ElfImage> of_memory(uint64_t address, std::string bytes);

  const std::vector<Segment>& segments() const { return segments_; }                  // PT_LOAD
  const std::optional<Segment>& eh_frame_header() const { return eh_frame_header_; }  // PT_GNU_EH_FRAME
  // By name, from the section headers; nothing when there are none.
  std::optional<Section> section(std::string_view name);
  // Holds code of the Go compiler: its functions have no CFI that leads to their callers, and its stacks move.
  bool is_go();

  // Load bias of a mapping of this file: address in memory - address in the file. Nothing when no segment has the
  // offset.
  std::optional<uint64_t> bias(uint64_t mapping_begin, uint64_t mapping_offset, bool executable) const;

  // Bytes at an address of the file, from its segments; beyond what the file holds of a segment: false.
  bool read_address(uint64_t address, void* destination, size_t count);
  bool read_offset(uint64_t offset, void* destination, size_t count) { return bytes_.read(offset, destination, count); }
  template <class T>
  std::optional<T> at(uint64_t address) {
    static_assert(std::is_trivially_copyable_v<T>);
    T value;
    if (!read_address(address, &value, sizeof value)) return std::nullopt;
    return value;
  }
  // End of the file bytes of the segment that holds `address`; 0 when none does.
  uint64_t segment_end(uint64_t address) const;
  int fd() const { return bytes_.fd(); }
  uint64_t file_size() const { return bytes_.size(); }

 private:
  explicit ElfImage(PagedBytes bytes) : bytes_(std::move(bytes)) {}
  static Result<std::unique_ptr<ElfImage>> parse(PagedBytes bytes, const std::string& where);

  PagedBytes bytes_;
  std::vector<Segment> segments_;
  std::optional<Segment> eh_frame_header_;
  uint64_t section_headers_ = 0;
  uint32_t section_count_ = 0, section_names_ = 0;
  std::optional<bool> go_;
};

}  // namespace ec
