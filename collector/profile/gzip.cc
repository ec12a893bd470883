#include "collector/profile/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

#include "collector/base/text.h"

namespace ec {

namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib.h: 16 asks for gzip headers
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

Result<std::string> gunzip(std::string_view where, std::string_view bytes, size_t limit) {
  auto at = [&](size_t offset) { return fmt::format("{}+{:#x}", where, offset); };
  if (bytes.empty()) return fail(ErrorCode::kTruncated, std::string(where), "empty, expected gzip");
  if (!looks_gzipped(bytes)) return fail(ErrorCode::kMalformed, at(0), "expected the gzip magic 1f 8b");
  Inflater inflater;
  if (!inflater.ready()) return fail(ErrorCode::kIo, std::string(where), "zlib has no memory");
  std::string out;
  std::string_view rest = bytes;
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
    size_t offset = bytes.size() - rest.size();
    if (out.size() > limit)
      return fail(ErrorCode::kUnsupported, std::string(where),
                  fmt::format("unpacks to more than {}", human_bytes(static_cast<double>(limit))));
    if (outcome == Z_STREAM_END) {
      if (rest.empty()) return out;
      if (!looks_gzipped(rest))
        return fail(ErrorCode::kMalformed, at(offset), "expected the end or another gzip member");
      if (inflateReset(inflater.get()) != Z_OK)
        return fail(ErrorCode::kIo, std::string(where), "zlib cannot start again");
      continue;
    }
    if (outcome == Z_BUF_ERROR || (outcome == Z_OK && rest.empty() && inflater->avail_out > 0))
      return fail(ErrorCode::kTruncated, at(offset), "expected more gzip data");
    if (outcome != Z_OK)
      return fail(ErrorCode::kMalformed, at(offset),
                  fmt::format("gzip: {}", inflater->msg ? inflater->msg : "needs a dictionary"));
  }
}

std::string gzip(std::string_view bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK) return {};
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = zlib_input(bytes);
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace ec
