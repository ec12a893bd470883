#include <archive.h>
#include <archive_entry.h>

#include <functional>
#include <optional>

#include "collector/archive/frames.h"

namespace ec {

namespace {

constexpr size_t kGzipHeader = 10;

struct FreeWriter {
  void operator()(archive* a) const { archive_write_free(a); }
};
struct FreeEntry {
  void operator()(archive_entry* e) const { archive_entry_free(e); }
};
using Writer = std::unique_ptr<archive, FreeWriter>;
using Entry = std::unique_ptr<archive_entry, FreeEntry>;

tl::unexpected<Error> failed(archive* a, std::string_view what) {
  const char* text = archive_error_string(a);
  return fail(ErrorCode::kIo, "archive", fmt::format("{}: {}", what, text ? text : "no memory"));
}

// Where libarchive's output goes; while `dropped`, nowhere.
struct Receiver {
  std::function<bool(std::string_view)> take;
  bool dropped = false;
};

la_ssize_t receive(archive* a, void* context, const void* bytes, size_t size) {
  auto* receiver = static_cast<Receiver*>(context);
  if (receiver->dropped || receiver->take(std::string_view(static_cast<const char*>(bytes), size)))
    return static_cast<la_ssize_t>(size);
  archive_set_error(a, EIO, "the compressor refused the bytes");
  return -1;
}

// A stream of bytes through libarchive's "raw" format and one filter.
class Compressor {
 public:
  Result<void> open(ArchiveFormat format, std::string& out) {
    writer_.reset(archive_write_new());
    archive* a = writer_.get();
    if (!a) return fail(ErrorCode::kIo, "archive", "no memory");
    receiver_.take = [&out](std::string_view bytes) {
      out += bytes;
      return true;
    };
    // ARCHIVE_WARN would mean that libarchive starts an external program; none is ever started.
    bool zstd = format == ArchiveFormat::kTarZst;
    int added = zstd ? archive_write_add_filter_zstd(a) : archive_write_add_filter_gzip(a);
    if (added != ARCHIVE_OK)
      return fail(ErrorCode::kUnsupported, "archive", "this libarchive cannot compress by itself");
    archive_write_set_filter_option(a, nullptr, "compression-level", "1");
    if (!zstd) archive_write_set_filter_option(a, "gzip", "timestamp", nullptr);
    archive_write_set_format_raw(a);
    archive_write_set_bytes_per_block(a, 64 * 1024);
    archive_write_set_bytes_in_last_block(a, 1);
    if (archive_write_open(a, &receiver_, nullptr, receive, nullptr) != ARCHIVE_OK) return failed(a, "open");
    Entry entry(archive_entry_new());
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    if (archive_write_header(a, entry.get()) != ARCHIVE_OK) return failed(a, "header");
    return {};
  }
  bool add(std::string_view bytes) {
    return bytes.empty() ||
           archive_write_data(writer_.get(), bytes.data(), bytes.size()) == static_cast<la_ssize_t>(bytes.size());
  }
  Result<void> close() {
    if (archive_write_close(writer_.get()) != ARCHIVE_OK) return failed(writer_.get(), "compress");
    return {};
  }

 private:
  Writer writer_;
  Receiver receiver_;
};

// Puts the member's own length into its header.
void add_gzip_length(std::string& member) {
  member[3] = static_cast<char>(member[3] | 4);  // FEXTRA
  std::string extra("\x08\0EC\x04\0\0\0\0\0", 10);
  auto length = static_cast<uint32_t>(member.size() + extra.size());
  for (size_t i = 0; i < 4; ++i) extra[6 + i] = static_cast<char>(length >> (8 * i));
  member.insert(kGzipHeader, extra);
}

class TarCodec final : public FrameCodec {
 public:
  explicit TarCodec(ArchiveFormat format) : format_(format) {}

  Result<std::string> frame(const Member& member) override {
    std::string out;
    Compressor compressor;
    if (auto opened = compressor.open(format_, out); !opened) return tl::unexpected(opened.error());
    Receiver receiver;
    receiver.take = [&compressor](std::string_view bytes) { return compressor.add(bytes); };
    Writer tar(archive_write_new());
    archive* a = tar.get();
    if (!a) return fail(ErrorCode::kIo, "archive", "no memory");
    archive_write_set_format_pax_restricted(a);
    // libarchive writes an attribute in its own and in Schily's form; GNU tar warns about the first.
    archive_write_set_format_option(a, "pax", "xattrheader", "SCHILY");
    archive_write_set_bytes_per_block(a, 0);
    if (archive_write_open(a, &receiver, nullptr, receive, nullptr) != ARCHIVE_OK) return failed(a, "open");
    if (auto written = entry(a, member); !written) return tl::unexpected(written.error());
    receiver.dropped = true;  // the end of the archive comes with end()
    archive_write_close(a);
    if (auto closed = compressor.close(); !closed) return tl::unexpected(closed.error());
    if (format_ == ArchiveFormat::kTarGz) add_gzip_length(out);
    return out;
  }

  void written(uint64_t) override {}

  Result<std::string> end(uint64_t) override { return compress(format_, std::string(1024, '\0')); }

 private:
  static Result<void> entry(archive* a, const Member& member) {
    Entry entry(archive_entry_new());
    bool directory = member.name.ends_with('/');
    archive_entry_set_pathname(entry.get(), member.name.c_str());
    archive_entry_set_filetype(entry.get(), directory ? AE_IFDIR : AE_IFREG);
    archive_entry_set_perm(entry.get(), directory ? 0700 : 0600);
    archive_entry_set_mtime(entry.get(), member.modified, 0);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(member.bytes.size()));
    if (!member.row.empty())
      archive_entry_xattr_add_entry(entry.get(), kRowAttribute, member.row.data(), member.row.size());
    if (archive_write_header(a, entry.get()) != ARCHIVE_OK) return failed(a, member.name);
    if (!member.bytes.empty() &&
        archive_write_data(a, member.bytes.data(), member.bytes.size()) != static_cast<la_ssize_t>(member.bytes.size()))
      return failed(a, member.name);
    if (archive_write_finish_entry(a) != ARCHIVE_OK) return failed(a, member.name);
    return {};
  }

  ArchiveFormat format_;
};

}  // namespace

Result<std::string> compress(ArchiveFormat format, std::string_view bytes) {
  std::string out;
  Compressor compressor;
  if (auto opened = compressor.open(format, out); !opened) return tl::unexpected(opened.error());
  bool added = compressor.add(bytes);
  if (auto closed = compressor.close(); !closed) return tl::unexpected(closed.error());
  if (!added) return fail(ErrorCode::kIo, "archive", "the compressor refused the bytes");
  if (format == ArchiveFormat::kTarGz) add_gzip_length(out);
  return out;
}

std::unique_ptr<FrameCodec> tar_codec(ArchiveFormat format) { return std::make_unique<TarCodec>(format); }

}  // namespace ec
