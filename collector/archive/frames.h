// The bytes of an archive as a row of frames, each of which can be read without the others. Private to this layer.
//
// tar.zst, tar.gz: one zstd frame or gzip member holds one whole tar entry. Concatenated frames are one valid stream,
// so plain tar reads the file, and a file cut between two frames has lost nothing before the cut. zip: one local entry
// with its sizes in front of the data, so that it needs no central directory to be read.
#pragma once

#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>

#include "collector/archive/writer.h"

namespace ec {

struct Member {
  std::string name;  // with the folder; a directory ends with '/'
  std::string_view bytes;
  std::string row;  // its row of the manifest as JSON, "" for none
  time_t modified = 0;
};

class FrameCodec {
 public:
  virtual ~FrameCodec() = default;
  // Nothing is remembered until written() is called.
  virtual Result<std::string> frame(const Member& member) = 0;
  // The frame that was made last stands at `offset` of the archive.
  virtual void written(uint64_t offset) = 0;
  // The end of an archive, to stand at `offset`.
  virtual Result<std::string> end(uint64_t offset) = 0;
};

std::unique_ptr<FrameCodec> tar_codec(ArchiveFormat format);
std::unique_ptr<FrameCodec> zip_codec();

// One gzip member or zstd frame.
Result<std::string> compress(ArchiveFormat format, std::string_view bytes);

// In a tar entry the row is an extended attribute, in a zip entry an extra field of the local header.
inline constexpr char kRowAttribute[] = "user.emergency-collect.row";
inline constexpr uint16_t kZipRowField = 0x6365;  // "ec"
// In the header of a gzip member: its whole length, four bytes, little endian (RFC 1952, 2.3.1.1). A gzip reader skips
// it.
inline constexpr std::string_view kGzipLengthField = "EC";
// Larger ones are refused: lengths are four bytes wide.
inline constexpr uint64_t kLargestMember = uint64_t{1} << 31;

}  // namespace ec
