#include "collector/archive/writer.h"

#include "collector/archive/frames.h"
#include "collector/archive/manifest.h"
#include "collector/archive/output_file.h"
#include "collector/base/clock.h"
#include "collector/base/sha256.h"

namespace ec {

namespace {

constexpr size_t kLongestPath = 240;

// A path inside the folder that every system can extract: relative, no "..", printable ASCII. Bytes that are not become
// %XX; what is too long is cut and told apart by a hash.
std::string safe_path(std::string_view path) {
  std::string safe;
  for (size_t begin = 0; begin <= path.size();) {
    size_t end = std::min(path.find('/', begin), path.size());
    std::string_view part = path.substr(begin, end - begin);
    begin = end + 1;
    if (part.empty() || part == ".") continue;
    if (!safe.empty()) safe += '/';
    if (part == "..") {
      safe += "%2E%2E";
      continue;
    }
    for (char c : part) {
      auto byte = static_cast<unsigned char>(c);
      if (byte <= 0x20 || byte >= 0x7f || c == '\\' || c == '"' || c == '*' || c == '?' || c == '<' || c == '>' ||
          c == '|')
        safe += fmt::format("%{:02X}", byte);
      else
        safe += c;
    }
  }
  if (safe.empty()) return "unnamed";
  if (safe.size() > kLongestPath) {
    safe.resize(kLongestPath - 17);
    safe += '~' + to_hex(sha256(path)).substr(0, 16);
  }
  return safe;
}

class FramedWriter final : public ArchiveWriter {
 public:
  FramedWriter(std::unique_ptr<OutputFile> file, std::unique_ptr<FrameCodec> codec, std::string folder)
      : file_(std::move(file)), codec_(std::move(codec)), folder_(std::move(folder)) {}

  Result<void> start() { return put("", {}, {}, 0); }

  Result<void> add(ArtifactRow& row, std::string_view bytes, Importance importance) override {
    row.path = safe_path(row.path);
    bool stored = row.status == Status::kOk || row.status == Status::kPartial;
    Result<void> result;
    if (stored) {
      row.bytes = bytes.size();
      row.sha256 = to_hex(sha256(bytes));
      result = put(row.path, bytes, row_json(row), kept_for(importance));
    }
    if (!stored || !result) {
      row.bytes = 0;
      row.sha256.clear();
    }
    if (!result) {
      row.status = Status::kFailed;
      row.reason = "not stored: " + result.error().message();
      if (result.error().code == ErrorCode::kNoSpace && row.fix.empty())
        row.fix = "-o with a directory on another filesystem, or -o -";
    }
    rows_.push_back(row);
    return result;
  }

  void checkpoint() override { write_journal(file_->reserve()); }

  const std::vector<ArtifactRow>& rows() const override { return rows_; }

  Result<void> finish(std::string_view manifest) override {
    // The manifest holds the rows of the journal, so it is served first when the disk is nearly full.
    write_journal(file_->reserve());
    if (auto written = put("manifest.json", manifest, {}, 0); !written) return written;
    auto end = codec_->end(file_->offset());
    if (!end) return tl::unexpected(end.error());
    if (auto written = file_->append(*end, 0); !written) return written;
    return file_->finish();
  }

  std::string path() const override { return file_->path(); }

 private:
  uint64_t kept_for(Importance importance) const {
    switch (importance) {
      case Importance::kEssential:
        return 0;
      case Importance::kNormal:
        return file_->reserve();
      case Importance::kLow:
        break;
    }
    return 4 * file_->reserve();  // the first to be left out
  }

  void write_journal(uint64_t kept_bytes) {
    if (rows_.size() != journalled_ && put("journal.jsonl", journal_of(rows_), {}, kept_bytes))
      journalled_ = rows_.size();
  }

  Result<void> put(std::string_view path, std::string_view bytes, std::string row, uint64_t kept_bytes) {
    if (bytes.size() > kLargestMember)
      return fail(ErrorCode::kUnsupported, std::string(path), fmt::format("larger than {} bytes", kLargestMember));
    Member member{fmt::format("{}/{}", folder_, path), bytes, std::move(row),
                  static_cast<time_t>(wall_clock_ns() / 1'000'000'000)};
    auto frame = codec_->frame(member);
    if (!frame) return tl::unexpected(frame.error());
    uint64_t offset = file_->offset();
    if (auto appended = file_->append(*frame, kept_bytes); !appended) return appended;
    codec_->written(offset);
    return {};
  }

  std::unique_ptr<OutputFile> file_;
  std::unique_ptr<FrameCodec> codec_;
  std::string folder_;
  std::vector<ArtifactRow> rows_;
  size_t journalled_ = 0;
};

}  // namespace

std::string_view extension(ArchiveFormat format) {
  switch (format) {
    case ArchiveFormat::kTarZst:
      return ".tar.zst";
    case ArchiveFormat::kTarGz:
      return ".tar.gz";
    case ArchiveFormat::kZip:
      return ".zip";
  }
  return ".tar.zst";
}

Result<std::unique_ptr<ArchiveWriter>> ArchiveWriter::create(const WriterOptions& options) {
  std::string folder = safe_path(options.folder);
  for (char& c : folder)
    if (c == '/') c = '_';
  auto file = options.output == "-" ? OutputFile::stream(options.stdout_fd, options.patience_ms)
                                    : OutputFile::create(options.output, folder, extension(options.format));
  if (!file) return tl::unexpected(file.error());
  auto codec = options.format == ArchiveFormat::kZip ? zip_codec() : tar_codec(options.format);
  std::string path = (*file)->path();
  auto writer = std::make_unique<FramedWriter>(std::move(*file), std::move(codec), std::move(folder));
  if (auto started = writer->start(); !started) {
    if (path != "-") unlink(path.c_str());  // nothing is in it
    return tl::unexpected(started.error());
  }
  return writer;
}

}  // namespace ec
