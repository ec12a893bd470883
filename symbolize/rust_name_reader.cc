#include "symbolize/rust_name_reader.h"

#include <optional>
#include <vector>

#include "collector/base/utf8.h"

namespace ec {

namespace {

// RFC 3492 with "_" in the place of "-".
std::optional<std::string> undo_punycode(std::string_view text) {
  std::vector<uint32_t> codes;
  if (size_t last = text.rfind('_'); last != std::string_view::npos) {
    for (char letter : text.substr(0, last)) codes.push_back(static_cast<unsigned char>(letter));
    text.remove_prefix(last + 1);
  }
  uint32_t code = 0x80, at = 0, bias = 72;
  bool first = true;
  while (!text.empty()) {
    uint64_t delta = 0, weight = 1;
    for (uint32_t k = 36;; k += 36) {
      if (text.empty()) return std::nullopt;
      char letter = text.front();
      text.remove_prefix(1);
      uint32_t digit = letter >= 'a' && letter <= 'z'   ? static_cast<uint32_t>(letter - 'a')
                       : letter >= '0' && letter <= '9' ? static_cast<uint32_t>(letter - '0' + 26)
                                                        : 36;
      if (digit >= 36) return std::nullopt;
      delta += digit * weight;
      uint32_t threshold = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
      if (digit < threshold) break;
      weight *= 36 - threshold;
      if (weight > UINT32_MAX || delta > UINT32_MAX) return std::nullopt;
    }
    uint64_t count = codes.size() + 1, position = at + delta;
    if (position / count > 0x10ffff - code) return std::nullopt;
    code += static_cast<uint32_t>(position / count);
    at = static_cast<uint32_t>(position % count);
    codes.insert(codes.begin() + at++, code);
    uint64_t change = first ? delta / 700 : delta / 2;
    first = false;
    change += change / count;
    for (bias = 0; change > 455; bias += 36) change /= 35;
    bias += static_cast<uint32_t>(36 * change / (change + 38));
  }
  std::string out;
  for (uint32_t each : codes) append_utf8(out, each);
  return out;
}

}  // namespace

uint64_t RustNameReader::base_62() {
  if (eat('_')) return 0;
  uint64_t value = 0;
  while (ok_ && !eat('_')) {
    char letter = next();
    unsigned digit = letter >= '0' && letter <= '9'   ? static_cast<unsigned>(letter - '0')
                     : letter >= 'a' && letter <= 'z' ? static_cast<unsigned>(letter - 'a' + 10)
                     : letter >= 'A' && letter <= 'Z' ? static_cast<unsigned>(letter - 'A' + 36)
                                                      : 62;
    if (digit == 62 || value > (UINT64_MAX - digit - 2) / 62) return fail();
    value = value * 62 + digit;
  }
  return value + 1;
}

RustNameReader::Identifier RustNameReader::identifier() {
  Identifier found;
  found.disambiguator = optional_62('s');
  bool unicode = eat('u');
  uint64_t length = 0;
  if (!eat('0')) {
    if (peek() < '1' || peek() > '9') fail();
    while (ok_ && peek() >= '0' && peek() <= '9' && length < text_.size())
      length = length * 10 + static_cast<uint64_t>(next() - '0');
  }
  eat('_');
  if (!ok_ || length > text_.size() - at_) {
    fail();
    return found;
  }
  std::string_view bytes = text_.substr(at_, length);
  at_ += length;
  if (!unicode) {
    found.name = bytes;
  } else if (auto plain = undo_punycode(bytes)) {
    found.name = std::move(*plain);
  } else {
    fail();
  }
  return found;
}

std::string_view RustNameReader::hex_digits() {
  size_t start = at_;
  while (ok_ && !eat('_')) {
    char letter = next();
    if (!((letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'f'))) fail();
  }
  return ok_ ? text_.substr(start, at_ - 1 - start) : std::string_view();
}

}  // namespace ec
