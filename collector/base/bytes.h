#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <type_traits>

namespace ec {

// Checked reading of binary data in the byte order of this machine: netlink, ELF, helper frames. Nothing is read past
// the end.
class ByteCursor {
 public:
  explicit ByteCursor(std::string_view bytes) : bytes_(bytes) {}

  size_t offset() const { return offset_; }
  size_t remaining() const { return bytes_.size() - offset_; }
  bool skip(size_t count) {
    if (count > remaining()) return false;
    offset_ += count;
    return true;
  }
  std::optional<std::string_view> take(size_t count) {
    if (count > remaining()) return std::nullopt;
    std::string_view taken = bytes_.substr(offset_, count);
    offset_ += count;
    return taken;
  }
  // T is copied byte for byte; it must be trivially copyable. Alignment does not matter.
  template <class T>
  std::optional<T> read() {
    static_assert(std::is_trivially_copyable_v<T>);
    auto taken = take(sizeof(T));
    if (!taken) return std::nullopt;
    T value;
    std::memcpy(&value, taken->data(), sizeof(T));
    return value;
  }

 private:
  std::string_view bytes_;
  size_t offset_ = 0;
};

}  // namespace ec
