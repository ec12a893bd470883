// Profiles (profile.proto) by hand, whole and broken.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ec::test {

inline std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}
inline std::string number_field(uint32_t tag, uint64_t value) { return varint(tag << 3) + varint(value); }
inline std::string bytes_field(uint32_t tag, std::string_view bytes) {
  return varint(tag << 3 | 2) + varint(bytes.size()) + std::string(bytes);
}

// One sample type, one function; what a test needs on top of that.
class ProfileBytes {
 public:
  ProfileBytes() {
    string("samples");
    string("count");
  }
  // The index of the string in the table.
  uint64_t string(const std::string& text) {
    for (size_t i = 0; i < strings_.size(); ++i)
      if (strings_[i] == text) return i;
    strings_.push_back(text);
    return strings_.size() - 1;
  }
  ProfileBytes& sample(const std::vector<std::pair<std::string, std::string>>& labels) {
    std::string bytes = bytes_field(1, varint(1)) + bytes_field(2, varint(7));
    for (const auto& [key, text] : labels) {
      std::string label = number_field(1, string(key));
      bytes += bytes_field(3, label + number_field(2, string(text)));
    }
    samples_ += bytes_field(2, bytes);
    return *this;
  }
  ProfileBytes& function(const std::string& name, const std::string& file) {
    name_ = name, file_ = file;
    return *this;
  }
  ProfileBytes& comment(const std::string& text) {
    comments_ += varint(string(text));
    return *this;
  }
  // Without the table of strings.
  std::string head() {
    string(name_), string(file_);
    return bytes_field(1, number_field(1, 1) + number_field(2, 2)) + samples_ +
           bytes_field(3, number_field(1, 1) + number_field(5, string(file_))) +
           bytes_field(4, number_field(1, 1) + number_field(2, 1) + bytes_field(4, number_field(1, 1))) +
           bytes_field(5, number_field(1, 1) + number_field(2, string(name_)) + number_field(4, string(file_))) +
           (comments_.empty() ? "" : bytes_field(13, comments_));
  }
  std::string table() const {
    std::string bytes;
    for (const std::string& text : strings_) bytes += bytes_field(6, text);
    return bytes;
  }
  std::string whole() {
    std::string first = head();  // it adds strings
    return first + table();
  }

 private:
  std::vector<std::string> strings_{""};
  std::string samples_, comments_, name_ = "main.main", file_ = "/src/main.go";
};

}  // namespace ec::test
