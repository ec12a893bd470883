// Finds the frames of an archive without unpacking them, so that a cut or damaged one costs only itself.
#include "collector/archive/frames.h"
#include "collector/archive/members.h"

namespace ec {

namespace {

uint64_t little_endian(std::string_view bytes, size_t at, size_t width) {
  uint64_t value = 0;
  for (size_t i = 0; i < width; ++i) value |= uint64_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  return value;
}

// RFC 8878, 3.1.1: length of the frame that `bytes` starts with; 0 when it is not whole.
size_t zstd_frame_length(std::string_view bytes) {
  if (bytes.size() < 8) return 0;
  uint64_t magic = little_endian(bytes, 0, 4);
  if ((magic & 0xfffffff0) == 0x184d2a50) {  // skippable
    uint64_t length = 8 + little_endian(bytes, 4, 4);
    return length <= bytes.size() ? length : 0;
  }
  if (magic != 0xfd2fb528) return 0;
  auto descriptor = static_cast<unsigned char>(bytes[4]);
  bool single_segment = descriptor & 0x20, checksum = descriptor & 4;
  constexpr size_t kDictionary[] = {0, 1, 2, 4}, kContentSize[] = {0, 2, 4, 8};
  size_t content_size = kContentSize[descriptor >> 6];
  if (content_size == 0 && single_segment) content_size = 1;
  size_t at = 5 + (single_segment ? 0 : 1) + kDictionary[descriptor & 3] + content_size;
  while (at + 3 <= bytes.size()) {
    uint64_t block = little_endian(bytes, at, 3);
    bool last = block & 1;
    uint64_t type = block >> 1 & 3, size = block >> 3;
    if (type == 3) return 0;
    at += 3 + (type == 1 ? 1 : size);  // type 1 repeats one byte
    if (!last) continue;
    at += checksum ? 4 : 0;
    return at <= bytes.size() ? at : 0;
  }
  return 0;
}

// RFC 1952 with our length field; 0 when the member is not whole or does not tell.
size_t gzip_member_length(std::string_view bytes) {
  if (bytes.size() < 20 || !bytes.starts_with("\x1f\x8b\x08") || !(bytes[3] & 4)) return 0;
  if (little_endian(bytes, 10, 2) != 8 || bytes.substr(12, 2) != kGzipLengthField || little_endian(bytes, 14, 2) != 4)
    return 0;
  uint64_t length = little_endian(bytes, 16, 4);
  return length >= 20 && length <= bytes.size() ? length : 0;
}

}  // namespace

std::vector<size_t> frame_ends(std::string_view bytes) {
  std::vector<size_t> ends;
  for (size_t at = 0; at < bytes.size();) {
    std::string_view rest = bytes.substr(at);
    size_t length = zstd_frame_length(rest);
    if (length == 0) length = gzip_member_length(rest);
    if (length == 0) break;
    at += length;
    ends.push_back(at);
  }
  return ends;
}

std::vector<std::pair<std::string, std::string>> zip_rows(std::string_view bytes) {
  constexpr size_t kHeader = 30;
  std::vector<std::pair<std::string, std::string>> rows;
  while (bytes.size() >= kHeader && bytes.starts_with("PK\x03\x04") && rows.size() < kMostMembers) {
    uint64_t packed = little_endian(bytes, 18, 4), name = little_endian(bytes, 26, 2),
             extra = little_endian(bytes, 28, 2);
    if (little_endian(bytes, 6, 2) & 8) break;  // sizes behind the data: not ours
    if (bytes.size() - kHeader < name + extra || bytes.size() - kHeader - name - extra < packed) break;
    std::string_view fields = bytes.substr(kHeader + name, extra);
    while (fields.size() >= 4) {
      uint64_t length = little_endian(fields, 2, 2);
      if (fields.size() - 4 < length) break;
      if (little_endian(fields, 0, 2) == kZipRowField)
        rows.emplace_back(bytes.substr(kHeader, name), fields.substr(4, length));
      fields.remove_prefix(4 + length);
    }
    bytes.remove_prefix(kHeader + name + extra + packed);
  }
  return rows;
}

}  // namespace ec
