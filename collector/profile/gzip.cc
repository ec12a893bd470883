#include "collector/profile/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "collector/base/text.h"

namespace ec {

namespace {

constexpr int kGzipWindow = 15 + 16;    // zlib.h: 16 asks for gzip headers
constexpr int kTextFlags = 4 | 8 | 16;  // of a header: extra fields, a file name, a comment
constexpr size_t kStep = 256 * 1024;

class Inflater {
 public:
  Inflater() { ready_ = inflateInit2(&stream_, kGzipWindow) == Z_OK; }
  ~Inflater() {
    if (ready_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  bool ready() const { return ready_; }
  z_stream* operator->() { return &stream_; }
  z_stream* get() { return &stream_; }

 private:
  z_stream stream_{};
  bool ready_ = false;
};

Bytef* zlib_input(std::string_view bytes) {
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));  // zlib only reads it
}

}  // namespace

Unpacked unpack_gzip(std::string_view where, std::string_view bytes, size_t limit) {
  Unpacked unpacked;
  std::string& out = unpacked.content;
  std::string_view rest = bytes;
  auto stop = [&](ErrorCode code, std::string detail, bool all_read = false) {
    bool located = code == ErrorCode::kMalformed || (code == ErrorCode::kTruncated && !bytes.empty());
    size_t offset = bytes.size() - rest.size();
    unpacked.problem =
        Error{code, located ? fmt::format("{}+{:#x}", where, offset) : std::string(where), std::move(detail), 0};
    unpacked.all_read = unpacked.all_read && all_read;
    return std::move(unpacked);
  };
  if (bytes.empty()) return stop(ErrorCode::kTruncated, "empty, expected gzip", true);
  if (!looks_gzipped(bytes)) {
    unpacked.behind = bytes;
    return stop(ErrorCode::kMalformed, "expected the gzip magic 1f 8b", true);
  }
  auto note_header = [&] { unpacked.all_read = unpacked.all_read && (rest.size() < 4 || (rest[3] & kTextFlags) == 0); };
  note_header();
  Inflater inflater;
  if (!inflater.ready()) return stop(ErrorCode::kIo, "zlib has no memory");
  while (true) {
    auto piece = rest.substr(0, std::numeric_limits<uInt>::max());
    inflater->next_in = zlib_input(piece);
    inflater->avail_in = static_cast<uInt>(piece.size());
    size_t before = out.size();
    size_t room = std::min(kStep, limit - before + 1);
    out.resize(before + room);
    inflater->next_out = reinterpret_cast<Bytef*>(out.data() + before);
    inflater->avail_out = static_cast<uInt>(room);
    int outcome = inflate(inflater.get(), Z_NO_FLUSH);
    out.resize(before + room - inflater->avail_out);
    rest.remove_prefix(piece.size() - inflater->avail_in);
    if (out.size() > limit) {
      out.resize(limit);
      return stop(ErrorCode::kUnsupported,
                  fmt::format("unpacks to more than {}", human_bytes(static_cast<double>(limit))));
    }
    if (outcome == Z_STREAM_END) {
      if (rest.empty()) return unpacked;
      if (!looks_gzipped(rest)) {
        unpacked.behind = rest;
        return stop(ErrorCode::kMalformed, "expected the end or another gzip member", true);
      }
      note_header();
      if (inflateReset(inflater.get()) != Z_OK) return stop(ErrorCode::kIo, "zlib cannot start again");
      continue;
    }
    if (outcome == Z_BUF_ERROR || (outcome == Z_OK && rest.empty() && inflater->avail_out > 0))
      return stop(ErrorCode::kTruncated, "expected more gzip data", true);
    if (outcome != Z_OK)
      return stop(ErrorCode::kMalformed, fmt::format("gzip: {}", inflater->msg ? inflater->msg : "needs a dictionary"));
  }
}

Result<std::string> gunzip(std::string_view where, std::string_view bytes, size_t limit) {
  Unpacked unpacked = unpack_gzip(where, bytes, limit);
  if (unpacked.problem) return tl::unexpected(std::move(*unpacked.problem));
  return std::move(unpacked.content);
}

std::string gzip(std::string_view bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK) return {};
  std::string out;
  int outcome = Z_OK;
  while (outcome == Z_OK) {
    auto piece = bytes.substr(0, std::numeric_limits<uInt>::max());
    stream.next_in = zlib_input(piece);
    stream.avail_in = static_cast<uInt>(piece.size());
    size_t before = out.size();
    out.resize(before + kStep);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream.avail_out = static_cast<uInt>(kStep);
    outcome = deflate(&stream, piece.size() == bytes.size() ? Z_FINISH : Z_NO_FLUSH);
    out.resize(out.size() - stream.avail_out);
    bytes.remove_prefix(piece.size() - stream.avail_in);
  }
  deflateEnd(&stream);
  return outcome == Z_STREAM_END ? out : std::string();
}

}  // namespace ec
