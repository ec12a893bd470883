// The words of Rust's v0 mangling (RFC 2603, "Symbol grammar"): numbers and identifiers, one after the other.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ec {

class RustNameReader {
 public:
  explicit RustNameReader(std::string_view text) : text_(text) {}

 protected:
  struct Identifier {
    uint64_t disambiguator = 0;
    std::string name;  // UTF-8, punycode undone
  };

  // After a failure nothing is read any more: next() is NUL, eat() false.
  bool fail() { return ok_ = false; }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  char next() {
    if (at_ >= text_.size()) fail();
    return ok_ ? text_[at_++] : '\0';
  }
  bool eat(char letter) {
    if (!ok_ || peek() != letter) return false;
    ++at_;
    return true;
  }
  uint64_t base_62();  // "_" is 0, "0_" is 1, "Z_" is 62
  uint64_t optional_62(char tag) { return eat(tag) ? base_62() + 1 : 0; }
  Identifier identifier();
  std::string_view hex_digits();  // up to "_", which is taken as well

  std::string_view text_;
  size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace ec
