#include "symbolize/dwarf_section.h"

#include <algorithm>

namespace ec {

namespace {
constexpr size_t kLongestText = 64 * 1024;
}

std::string_view DwarfSection::at(uint64_t offset, size_t wanted) {
  if (offset >= size_) return {};
  if (memory_) return std::string_view(*memory_).substr(start_ + offset, size_ - offset);
  wanted = static_cast<size_t>(std::min<uint64_t>(wanted, size_ - offset));
  bool here =
      offset >= window_at_ && offset - window_at_ <= window_.size() && window_.size() - (offset - window_at_) >= wanted;
  if (!here && file_) {
    uint64_t length = std::min<uint64_t>(std::max(wanted, window_size_), size_ - offset);
    window_at_ = offset;
    file_->source().read_some(start_ + offset, length, window_);
  }
  if (offset < window_at_ || offset - window_at_ > window_.size()) return {};
  return std::string_view(window_).substr(offset - window_at_);
}

std::string_view DwarfSection::text(uint64_t offset) {
  for (size_t wanted = 256;; wanted *= 16) {
    std::string_view bytes = at(offset, wanted).substr(0, wanted);  // of what is in memory it gives more
    if (size_t end = bytes.find('\0'); end != std::string_view::npos) return bytes.substr(0, end);
    if (bytes.size() < wanted || wanted >= kLongestText) return {};
  }
}

std::string DwarfSection::copy(uint64_t offset, uint64_t length) {
  if (offset >= size_) return {};
  length = std::min(length, size_ - offset);
  std::string bytes;
  if (memory_)
    bytes = memory_->substr(start_ + offset, length);
  else if (file_)
    file_->source().read_some(start_ + offset, length, bytes);
  return bytes;
}

DwarfSection DwarfSection::part(uint64_t offset, uint64_t size) const {
  if (offset > size_ || size > size_ - offset) return {};
  DwarfSection section;
  section.memory_ = memory_;
  section.file_ = file_;
  section.start_ = start_ + offset;
  section.size_ = size;
  section.window_size_ = window_size_;
  return section;
}

}  // namespace ec
