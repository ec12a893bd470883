#include "symbolize/unpack.h"

#include <elf.h>
#include <elfutils/libdwelf.h>
#include <libdeflate.h>
#include <libelf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "collector/base/bytes.h"
#include "collector/base/unique_fd.h"

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

struct PackedSection {
  uint32_t type = ELFCOMPRESS_ZLIB;
  uint64_t size = 0;  // unpacked
  std::string_view stream;
};

template <class Header>
std::optional<PackedSection> read_header(std::string_view bytes) {
  ByteCursor cursor(bytes);
  auto header = cursor.read<Header>();
  if (!header) return std::nullopt;
  return PackedSection{header->ch_type, header->ch_size, bytes.substr(cursor.offset())};
}

std::optional<PackedSection> read_gnu_header(std::string_view bytes) {
  if (!bytes.starts_with("ZLIB") || bytes.size() < 12) return std::nullopt;
  PackedSection packed;
  for (char byte : bytes.substr(4, 8)) packed.size = packed.size << 8 | static_cast<unsigned char>(byte);
  packed.stream = bytes.substr(12);
  return packed;
}

struct DecompressorEnd {
  void operator()(libdeflate_decompressor* of) const { libdeflate_free_decompressor(of); }
};

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

Result<std::string> unpack_section(std::string_view where, std::string_view bytes, SectionPacking packing,
                                   uint64_t limit) {
  auto packed = packing == SectionPacking::kGnu     ? read_gnu_header(bytes)
                : packing == SectionPacking::kElf32 ? read_header<Elf32_Chdr>(bytes)
                                                    : read_header<Elf64_Chdr>(bytes);
  if (!packed) return fail(ErrorCode::kMalformed, std::string(where), "expected a compression header");
  if (packed->size > limit)
    return fail(ErrorCode::kSkipped, std::string(where),
                fmt::format("unpacks to {} bytes, over {}", packed->size, limit));
  constexpr uint32_t kZstd = 2;  // ELFCOMPRESS_ZSTD, newer than the headers
  if (packed->type != ELFCOMPRESS_ZLIB)
    return fail(ErrorCode::kUnsupported, std::string(where),
                packed->type == kZstd ? "debug information compressed with zstd"
                                      : fmt::format("compression type {}", packed->type));
  // Before memory is taken for what a header claims.
  constexpr uint64_t kMostExpansion = 1032;  // of deflate: 258 bytes for two bits, RFC 1951
  std::unique_ptr<libdeflate_decompressor, DecompressorEnd> decompressor(libdeflate_alloc_decompressor());
  std::string unpacked;
  if (decompressor && packed->size / kMostExpansion <= packed->stream.size()) {
    unpacked.resize(packed->size);
    // Without a place for the size it is an error when there is less.
    if (libdeflate_zlib_decompress(decompressor.get(), packed->stream.data(), packed->stream.size(), unpacked.data(),
                                   unpacked.size(), nullptr) == LIBDEFLATE_SUCCESS)
      return unpacked;
  }
  return fail(ErrorCode::kMalformed, std::string(where), "does not unpack");
}

}  // namespace ec
