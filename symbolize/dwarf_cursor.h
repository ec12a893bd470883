// Reads DWARF's encodings (DWARF 5, section 7.6) from bytes in memory, in the byte order of this machine. A read past
// the end gives 0 or "" and ends everything: ok() is false from then on. Private to symbolize/.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace ec {

class DwarfCursor {
 public:
  explicit DwarfCursor(std::string_view bytes, size_t offset = 0)
      : begin_(bytes.data()), at_(begin_), end_(begin_ + bytes.size()) {
    skip(offset);
  }

  bool ok() const { return ok_; }
  bool at_end() const { return at_ == end_; }
  size_t offset() const { return static_cast<size_t>(at_ - begin_); }
  size_t remaining() const { return static_cast<size_t>(end_ - at_); }

  void skip(uint64_t count) {
    if (count > remaining())
      fail();
    else
      at_ += count;
  }
  template <class T>
  T fixed() {
    if (sizeof(T) > remaining()) {
      fail();
      return 0;
    }
    T value;
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  uint8_t u8() { return fixed<uint8_t>(); }
  uint16_t u16() { return fixed<uint16_t>(); }
  uint32_t u32() { return fixed<uint32_t>(); }
  uint64_t u64() { return fixed<uint64_t>(); }
  // Of 1, 2, 3, 4 or 8 bytes; what has another size fails.
  uint64_t number(size_t size) {
    switch (size) {
      case 1:
        return u8();
      case 2:
        return u16();
      case 3: {
        uint64_t low = u16();
        return low | uint64_t{u8()} << 16;
      }
      case 4:
        return u32();
      case 8:
        return u64();
      default:
        fail();
        return 0;
    }
  }
  uint64_t uleb() {
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      uint8_t byte = u8();
      if (shift < 64) value |= uint64_t{byte & 0x7fu} << shift;
      if (!(byte & 0x80)) return value;
    }
  }
  int64_t sleb() {
    uint64_t value = 0;
    unsigned shift = 0;
    uint8_t byte = 0;
    do {
      byte = u8();
      if (shift < 64) value |= uint64_t{byte & 0x7fu} << shift;
      shift += 7;
    } while (byte & 0x80);
    if (shift < 64 && (byte & 0x40)) value |= ~uint64_t{0} << shift;
    return static_cast<int64_t>(value);
  }
  std::string_view block(uint64_t size) {
    const char* start = at_;
    skip(size);
    return ok_ ? std::string_view(start, size) : std::string_view();
  }
  // Up to a NUL, which is passed over.
  std::string_view text() {
    const void* nul = remaining() ? std::memchr(at_, 0, remaining()) : nullptr;
    if (nul == nullptr) {
      fail();
      return {};
    }
    std::string_view found(at_, static_cast<size_t>(static_cast<const char*>(nul) - at_));
    at_ += found.size() + 1;
    return found;
  }

 private:
  void fail() {
    ok_ = false;
    at_ = end_;
  }
  const char *begin_, *at_, *end_;
  bool ok_ = true;
};

}  // namespace ec
