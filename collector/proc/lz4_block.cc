#include "collector/proc/lz4_block.h"

#include <algorithm>

#include "collector/base/bytes.h"

namespace ec {

namespace {

// Four bits of the token, continued by bytes of 255 and a last smaller one. Bounded by the block, and so no overflow.
std::optional<size_t> length_of(unsigned bits, ByteCursor& cursor) {
  size_t length = bits;
  for (unsigned more = bits == 15 ? 255 : 0; more == 255; length += more) {
    auto byte = cursor.read<uint8_t>();
    if (!byte) return std::nullopt;
    more = *byte;
  }
  return length;
}

}  // namespace

std::optional<std::string> unpack_lz4_block(std::string_view block, size_t limit) {
  std::string out;
  ByteCursor cursor(block);
  while (auto token = cursor.read<uint8_t>()) {
    auto literals = length_of(*token >> 4, cursor);
    if (!literals) return std::nullopt;
    std::string_view rest = block.substr(cursor.offset());
    if (rest.size() < *literals) return std::nullopt;
    out.append(rest, 0, std::min(*literals, limit - out.size()));
    if (out.size() == limit || rest.size() == *literals) return out;  // the last sequence has literals only
    (void)cursor.skip(*literals);
    auto distance = cursor.read<uint16_t>();
    auto match = length_of(*token & 15, cursor);
    if (!distance || !match || *distance == 0 || *distance > out.size()) return std::nullopt;
    // Byte by byte: a match may reach into what it makes.
    for (size_t left = std::min(*match + 4, limit - out.size()); left > 0; --left) out += out[out.size() - *distance];
    if (out.size() == limit) return out;
  }
  return std::nullopt;
}

}  // namespace ec
