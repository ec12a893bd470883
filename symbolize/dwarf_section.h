// The bytes of one section with debug information: read a part at a time, or in memory when the section is small or had
// to be unpacked. Private to symbolize/.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "symbolize/elf_file.h"

namespace ec {

// Not thread-safe.
class DwarfSection {
 public:
  DwarfSection() = default;  // an empty one
  explicit DwarfSection(std::string bytes)
      : memory_(std::make_shared<const std::string>(std::move(bytes))), size_(memory_->size()) {}
  // Reads as much as `window` bytes at once.
  DwarfSection(std::shared_ptr<const ElfFile> file, const ElfSection& section, size_t window)
      : file_(std::move(file)), start_(section.offset), size_(section.size), window_size_(window) {}

  uint64_t size() const { return size_; }
  // From `offset` on at least `wanted` bytes, or up to the end of the section, or less when they cannot be read. Valid
  // until the next call.
  std::string_view at(uint64_t offset, size_t wanted);
  // Up to a NUL; "" when there is none within 64 KiB. Valid until the next call.
  std::string_view text(uint64_t offset);
  // The same bytes as a copy; shorter when they are not all there.
  std::string copy(uint64_t offset, uint64_t length);

  // Shares what is in memory. Empty when it is not inside.
  DwarfSection part(uint64_t offset, uint64_t size) const;

 private:
  std::shared_ptr<const std::string> memory_;
  std::shared_ptr<const ElfFile> file_;  // where it is not in memory
  uint64_t start_ = 0, size_ = 0;        // in the one or the other
  size_t window_size_ = 0;
  uint64_t window_at_ = 0;  // offset of window_ in the section
  std::string window_;
};

}  // namespace ec
