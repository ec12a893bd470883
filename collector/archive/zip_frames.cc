// Zip entries (PKWARE APPNOTE 6.3, 4.3): local headers carry sizes and checksum, so an entry is readable without the
// central directory at the end. libarchive's own zip writer puts them behind the data, and cannot go on after a write
// that failed; it is used for the deflate stream only, which is a gzip member without its frame.
#include <algorithm>
#include <unordered_map>
#include <vector>

#include "collector/archive/frames.h"

namespace ec {

namespace {

constexpr size_t kGzipHeader = 20;  // with the length field
constexpr size_t kGzipTrailer = 8;  // CRC32, size
constexpr uint16_t kVersion = 20, kMadeByUnix = 3 << 8 | 20, kDeflate = 8, kUtf8Names = 1 << 11;

void put16(std::string& out, uint64_t value) {
  for (int i = 0; i < 2; ++i) out += static_cast<char>(value >> (8 * i));
}
void put32(std::string& out, uint64_t value) {
  for (int i = 0; i < 4; ++i) out += static_cast<char>(value >> (8 * i));
}

// MS-DOS time and date, UTC.
uint32_t dos_time(time_t when) {
  tm parts{};
  gmtime_r(&when, &parts);
  int year = std::clamp(parts.tm_year - 80, 0, 127);
  return static_cast<uint32_t>(year << 25 | (parts.tm_mon + 1) << 21 | parts.tm_mday << 16 | parts.tm_hour << 11 |
                               parts.tm_min << 5 | parts.tm_sec / 2);
}

struct Listed {
  std::string name;
  std::string fields;  // from "version needed" to "uncompressed size", the same in both headers
  uint64_t offset = 0;
  bool directory = false;
};

class ZipCodec final : public FrameCodec {
 public:
  Result<std::string> frame(const Member& member) override {
    std::string packed = "\x03";
    packed += '\0';  // an empty deflate stream
    uint32_t checksum = 0;
    if (!member.bytes.empty()) {
      auto gzip = compress(ArchiveFormat::kTarGz, member.bytes);
      if (!gzip) return tl::unexpected(gzip.error());
      std::string_view trailer = std::string_view(*gzip).substr(gzip->size() - kGzipTrailer);
      for (size_t i = 0; i < 4; ++i)
        checksum |= static_cast<uint32_t>(static_cast<unsigned char>(trailer[i])) << (8 * i);
      packed = gzip->substr(kGzipHeader, gzip->size() - kGzipHeader - kGzipTrailer);
    }
    last_ = Listed{member.name, {}, 0, member.name.ends_with('/')};
    put16(last_.fields, kVersion);
    put16(last_.fields, kUtf8Names);
    put16(last_.fields, kDeflate);
    put32(last_.fields, dos_time(member.modified));
    put32(last_.fields, checksum);
    put32(last_.fields, packed.size());
    put32(last_.fields, member.bytes.size());

    std::string extra;
    if (!member.row.empty() && member.row.size() < 60'000) {
      put16(extra, kZipRowField);
      put16(extra, member.row.size());
      extra += member.row;
    }
    std::string out = "PK\x03\x04";
    out += last_.fields;
    put16(out, member.name.size());
    put16(out, extra.size());
    out += member.name;
    out += extra;
    out += packed;
    return out;
  }

  void written(uint64_t offset) override {
    last_.offset = offset;
    listed_.push_back(std::move(last_));
  }

  Result<std::string> end(uint64_t offset) override {
    // Names that were written twice (a journal): the directory lists the last one only, as unzip would ask otherwise.
    std::string directory;
    uint64_t count = 0;
    std::unordered_map<std::string_view, const Listed*> last;
    for (const Listed& entry : listed_) last[entry.name] = &entry;
    for (const Listed& entry : listed_) {
      if (entry.offset > UINT32_MAX) return fail(ErrorCode::kUnsupported, "archive", "a zip over 4 GiB; use tar.zst");
      if (last[entry.name] != &entry) continue;
      ++count;
      directory += "PK\x01\x02";
      put16(directory, kMadeByUnix);
      directory += entry.fields;
      put16(directory, entry.name.size());
      put16(directory, 0);  // extra
      put16(directory, 0);  // comment
      put16(directory, 0);  // disk
      put16(directory, 0);  // internal attributes
      put32(directory, entry.directory ? (040700u << 16 | 0x10) : 0100600u << 16);
      put32(directory, entry.offset);
      directory += entry.name;
    }
    if (offset > UINT32_MAX || count > 65'000)
      return fail(ErrorCode::kUnsupported, "archive", "too large for zip; use tar.zst");
    std::string out = directory + "PK\x05\x06";
    put32(out, 0);  // disks
    put16(out, count);
    put16(out, count);
    put32(out, directory.size());
    put32(out, offset);
    put16(out, 0);
    return out;
  }

 private:
  Listed last_;
  std::vector<Listed> listed_;
};

}  // namespace

std::unique_ptr<FrameCodec> zip_codec() { return std::make_unique<ZipCodec>(); }

}  // namespace ec
