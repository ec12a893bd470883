#include "symbolize/jitdump.h"

#include <algorithm>
#include <set>

#include "collector/base/bytes.h"
#include "collector/base/text.h"

namespace ec {

namespace {

constexpr uint32_t kMagic = 0x4A695444, kSwapped = 0x4454694A;  // "JiTD"
constexpr size_t kMostRecords = 1'000'000, kLongestName = 1024;
constexpr uint32_t kCodeLoad = 0, kCodeMove = 1;

struct FileHeader {
  uint32_t magic, version, total_size, elf_machine, padding, pid;
  uint64_t timestamp, flags;
};
struct RecordHeader {
  uint32_t id, total_size;
  uint64_t timestamp;
};
struct CodeLoad {
  uint32_t pid, tid;
  uint64_t vma, code_address, code_size, code_index;
};
struct CodeMove {
  uint32_t pid, tid;
  uint64_t vma, old_address, new_address, code_size, code_index;
};

// What a record says of addresses that are asked for.
struct Piece {
  uint64_t start, size;
  uint64_t name_offset;  // in the file; 0 = what is there now has no name
  uint64_t name_size;
};

// The pieces, in the order of the file.
std::vector<Piece> pieces_of(const ByteSource& file, uint64_t at, const std::set<uint64_t>& wanted, Deadline deadline) {
  std::vector<Piece> pieces;
  auto add = [&](const Piece& piece) {
    auto first = wanted.lower_bound(piece.start);
    if (first != wanted.end() && *first - piece.start < piece.size) pieces.push_back(piece);
  };
  std::string bytes;
  for (size_t records = 0; records < kMostRecords && !deadline.passed(); ++records) {
    if (!file.read_some(at, sizeof(RecordHeader) + sizeof(CodeMove), bytes)) break;
    ByteCursor cursor(bytes);
    auto header = cursor.read<RecordHeader>();
    if (!header || header->total_size < sizeof *header || header->total_size > file.size() - at) break;
    uint64_t body = at + sizeof *header, end = at + header->total_size;
    at = end;
    if (header->id == kCodeLoad) {
      auto load = cursor.read<CodeLoad>();
      uint64_t name = body + sizeof(CodeLoad);
      if (load && name < end) add({load->code_address, load->code_size, name, std::min(end - name, kLongestName)});
    } else if (header->id == kCodeMove && end - body >= sizeof(CodeMove)) {
      if (auto move = cursor.read<CodeMove>()) {
        add({move->old_address, move->code_size, 0, 0});
        add({move->new_address, move->code_size, 0, 0});
      }
    }
  }
  return pieces;
}

}  // namespace

Result<JitNames> names_in_jitdump(const ByteSource& file, const std::vector<uint64_t>& addresses, Deadline deadline) {
  std::string bytes;
  file.read_some(0, sizeof(FileHeader), bytes);
  auto header = ByteCursor(bytes).read<FileHeader>();
  if (header && header->magic == kSwapped)
    return fail(ErrorCode::kUnsupported, file.name(), "a jitdump file of the other byte order");
  if (!header || header->magic != kMagic || header->total_size < sizeof *header)
    return fail(ErrorCode::kMalformed, file.name(), "expected the header of a jitdump file");
  if (header->version != 1)
    return fail(ErrorCode::kUnsupported, file.name(),
                fmt::format("a jitdump file of version {}, expected 1", header->version));
  std::set<uint64_t> wanted(addresses.begin(), addresses.end());
  JitNames found;
  std::vector<Piece> pieces = pieces_of(file, header->total_size, wanted, deadline);
  for (auto piece = pieces.rbegin(); piece != pieces.rend() && !wanted.empty(); ++piece) {
    auto first = wanted.lower_bound(piece->start), behind = first;
    while (behind != wanted.end() && *behind - piece->start < piece->size) ++behind;
    if (first == behind) continue;
    std::string name = piece->name_offset == 0
                           ? std::string{}
                           : printable_line(file.text_at(piece->name_offset, piece->name_size), kLongestName);
    if (!name.empty())
      for (auto each = first; each != behind; ++each) found.emplace(*each, JitName{piece->start, name});
    wanted.erase(first, behind);
  }
  return found;
}

}  // namespace ec
