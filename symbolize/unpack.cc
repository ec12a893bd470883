#include "symbolize/unpack.h"

#include <elfutils/libdwelf.h>
#include <gelf.h>
#include <libelf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "collector/base/bytes.h"

namespace ec {

namespace {

struct ElfEnd {
  void operator()(Elf* elf) const { elf_end(elf); }
};
using ElfHandle = std::unique_ptr<Elf, ElfEnd>;

// Up to 63 bits, seven per byte, least significant first (section 1.2).
std::optional<uint64_t> read_multibyte(ByteCursor& cursor) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 63; shift += 7) {
    auto byte = cursor.read<uint8_t>();
    if (!byte) return std::nullopt;
    value |= static_cast<uint64_t>(*byte & 0x7f) << shift;
    if (!(*byte & 0x80)) return value;
  }
  return std::nullopt;
}

std::optional<unsigned> big_endian_16(ByteCursor& cursor) {
  auto high = cursor.read<uint8_t>(), low = cursor.read<uint8_t>();
  if (!high || !low) return std::nullopt;
  return static_cast<unsigned>(*high) << 8 | *low;
}

// LZMA2 chunks up to the end marker.
std::optional<uint64_t> lzma2_size(ByteCursor& cursor) {
  uint64_t total = 0;
  while (auto control = cursor.read<uint8_t>()) {
    if (*control == 0) return total;
    bool compressed = *control >= 0x80;
    if (!compressed && *control > 2) return std::nullopt;
    auto low = big_endian_16(cursor);
    if (!low) return std::nullopt;
    uint64_t unpacked = *low + 1u, packed = unpacked;
    if (compressed) {
      unpacked += static_cast<uint64_t>(*control & 0x1f) << 16;
      auto size = big_endian_16(cursor);
      if (!size) return std::nullopt;
      packed = *size + 1u + (*control >= 0xc0 ? 1u : 0u);  // with a properties byte
    }
    if (!cursor.skip(packed)) return std::nullopt;
    total += unpacked;
  }
  return std::nullopt;
}

// GNU's old way (".zdebug_…"): "ZLIB", then the size as a big-endian number of 8 bytes.
std::optional<uint64_t> old_unpacked_size(Elf_Scn* section) {
  Elf_Data* data = elf_rawdata(section, nullptr);
  if (data == nullptr || data->d_buf == nullptr || data->d_size < 12) return std::nullopt;
  std::string_view bytes(static_cast<const char*>(data->d_buf), data->d_size);
  if (!bytes.starts_with("ZLIB")) return std::nullopt;
  uint64_t size = 0;
  for (char byte : bytes.substr(4, 8)) size = size << 8 | static_cast<unsigned char>(byte);
  return size;
}

}  // namespace

std::optional<uint64_t> xz_unpacked_size(std::string_view xz) {
  constexpr std::string_view kMagic(
      "\xfd"
      "7zXZ\0",
      6);
  if (!xz.starts_with(kMagic) || xz.size() < 12) return std::nullopt;
  constexpr size_t kCheckBytes[16] = {0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64};
  size_t check = kCheckBytes[static_cast<unsigned char>(xz[7]) & 0x0f];
  ByteCursor cursor(xz);
  cursor.skip(12);
  uint64_t total = 0;
  while (true) {
    size_t start = cursor.offset();
    auto header_words = cursor.read<uint8_t>();
    if (!header_words) return std::nullopt;
    if (*header_words == 0) return total;  // the index follows
    auto flags = cursor.read<uint8_t>();
    if (!flags || (*flags & 0x3f) != 0) return std::nullopt;  // one filter only
    if ((*flags & 0x40) && !read_multibyte(cursor)) return std::nullopt;
    if ((*flags & 0x80) && !read_multibyte(cursor)) return std::nullopt;
    auto filter = read_multibyte(cursor);
    if (filter != uint64_t{0x21}) return std::nullopt;  // LZMA2
    size_t header_end = start + (*header_words + 1u) * 4;
    if (header_end < cursor.offset() || !cursor.skip(header_end - cursor.offset())) return std::nullopt;
    auto size = lzma2_size(cursor);
    if (!size) return std::nullopt;
    total += *size;
    size_t padding = (4 - (cursor.offset() - header_end) % 4) % 4;
    if (!cursor.skip(padding) || !cursor.skip(check)) return std::nullopt;
  }
}

Result<std::string> unpack_xz(std::string_view xz, uint64_t limit) {
  auto size = xz_unpacked_size(xz);
  if (!size) return fail(ErrorCode::kMalformed, "xz", "expected an xz stream of LZMA2 blocks");
  if (*size > limit) return fail(ErrorCode::kSkipped, "xz", fmt::format("unpacks to {} bytes, over {}", *size, limit));
  UniqueFd file(::memfd_create("emergency-collect-xz", MFD_CLOEXEC));
  if (!file) return fail_errno("xz", errno, "memfd_create failed");
  for (size_t done = 0; done < xz.size();) {
    ssize_t wrote = ::write(file.get(), xz.data() + done, xz.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return fail_errno("xz", errno, "write failed");
    done += static_cast<size_t>(wrote);
  }
  elf_version(EV_CURRENT);
  ElfHandle elf(dwelf_elf_begin(file.get()));  // unpacks what is no ELF file but an xz stream
  size_t length = 0;
  const char* image = elf && elf_kind(elf.get()) == ELF_K_ELF ? elf_rawfile(elf.get(), &length) : nullptr;
  if (image == nullptr) return fail(ErrorCode::kMalformed, "xz", "does not unpack to an ELF file");
  return std::string(image, length);
}

Result<std::string> unpack_section(const ByteSource& source, ptrdiff_t index, uint64_t limit) {
  elf_version(EV_CURRENT);
  std::string image;
  ElfHandle elf;
  if (source.fd() >= 0) {
    elf.reset(elf_begin(source.fd(), ELF_C_READ, nullptr));
  } else {
    source.read_some(0, source.size(), image);
    elf.reset(elf_memory(image.data(), image.size()));
  }
  auto malformed = [&](std::string_view what) {
    return fail(ErrorCode::kMalformed, source.name(), fmt::format("section {}: {}", index, what));
  };
  Elf_Scn* section = elf ? elf_getscn(elf.get(), static_cast<size_t>(index)) : nullptr;
  GElf_Chdr header;
  bool with_header = section != nullptr && gelf_getchdr(section, &header) != nullptr;
  if (!with_header) {
    auto size = section != nullptr ? old_unpacked_size(section) : std::nullopt;
    if (!size) return malformed("expected a compression header");
    header.ch_type = ELFCOMPRESS_ZLIB;
    header.ch_size = *size;
  }
  if (header.ch_size > limit)
    return fail(ErrorCode::kSkipped, source.name(),
                fmt::format("section {} unpacks to {} bytes, over {}", index, header.ch_size, limit));
  constexpr uint32_t kZstd = 2;  // ELFCOMPRESS_ZSTD, newer than the headers
  if (header.ch_type != ELFCOMPRESS_ZLIB)
    return fail(ErrorCode::kUnsupported, source.name(),
                header.ch_type == kZstd ? "debug information compressed with zstd"
                                        : fmt::format("section {}: compression type {}", index, header.ch_type));
  int unpacked = with_header ? elf_compress(section, 0, 0) : elf_compress_gnu(section, 0, 0);
  Elf_Data* data = unpacked >= 0 ? elf_getdata(section, nullptr) : nullptr;
  if (data == nullptr || data->d_buf == nullptr) return malformed("does not unpack");
  return std::string(static_cast<const char*>(data->d_buf), data->d_size);
}

}  // namespace ec
