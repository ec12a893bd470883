// Lines and inlined calls: the part of pclntab that src/runtime/symtab.go reads in funcline1() and pcdatavalue1(), and
// the trees of inlined calls that cmd/internal/obj writes as FUNCDATA_InlTree.
#include <elf.h>

#include <algorithm>
#include <cstring>

#include "collector/base/bytes.h"
#include "symbolize/go_pclntab.h"

namespace ec {

namespace {

constexpr uint32_t kGo12 = 0xfffffffb, kGo120 = 0xfffffff1, kNone = 0xffffffff;
constexpr uint32_t kInlineIndexTable = 2, kInlineTreeData = 3;  // PCDATA_InlTreeIndex, FUNCDATA_InlTree
constexpr size_t kDeepestInlining = 100, kLongestPath = 4096;
constexpr uint64_t kLongestTable = 4u << 20;  // bytes of one function's table

// Bytes of the file from an offset on, some at a time.
class ByteStream {
 public:
  ByteStream(const ByteSource& source, uint64_t offset, uint64_t end)
      : source_(source), next_(offset), end_(std::min(end, offset + kLongestTable)) {}
  std::optional<uint32_t> varint() {
    uint32_t value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
      if (at_ == buffer_.size() && !fill()) return std::nullopt;
      auto byte = static_cast<unsigned char>(buffer_[at_++]);
      value |= static_cast<uint32_t>(byte & 0x7f) << shift;
      if (!(byte & 0x80)) return value;
    }
    return std::nullopt;
  }

 private:
  bool fill() {
    at_ = 0;
    if (next_ >= end_ || !source_.read_some(next_, std::min<uint64_t>(512, end_ - next_), buffer_)) return false;
    next_ += buffer_.size();
    return !buffer_.empty();
  }
  const ByteSource& source_;
  uint64_t next_, end_;
  std::string buffer_;
  size_t at_ = 0;
};

// The trees are found through the module data record (runtime.firstmoduledata), which begins with the address of
// pclntab and holds the start of the code and that of go.func.*, in words: 22 and 38; 40 since Go 1.20.
constexpr size_t kTextWord = 22, kWordsRead = 41;

std::optional<uint64_t> inline_base_in(std::string_view data, uint64_t table, uint64_t text, size_t word) {
  std::string_view wanted(reinterpret_cast<const char*>(&table), sizeof table);
  for (size_t at = data.find(wanted); at != std::string_view::npos; at = data.find(wanted, at + 1)) {
    if (at % 8 != 0 || data.size() - at < kWordsRead * 8) continue;
    uint64_t words[kWordsRead];
    std::memcpy(words, data.data() + at, sizeof words);
    if (words[kTextWord] == text) return words[word];
  }
  return std::nullopt;
}

}  // namespace

void GoFunctions::find_inline_base() {
  if (pointer_size_ != 8) return;
  constexpr uint64_t kMostData = 64u << 20;
  for (const char* name : {".noptrdata", ".data", ".data.rel.ro"}) {
    const ElfSection* section = elf_->section(name);
    if (!section || section->size > kMostData) continue;
    auto data = elf_->contents(*section, kMostData);
    if (!data) continue;
    inline_base_ = inline_base_in(*data, table_address_, text_, magic_ == kGo120 ? 40 : 38);
    if (inline_base_) return;
  }
}

std::optional<GoFunctions::Function> GoFunctions::function_at(size_t index) const {
  uint64_t offset = 0;
  std::memcpy(&offset, index_.data() + index * 2 * field_size_ + field_size_, field_size_);
  if (offset > table_size_ - functions_) return std::nullopt;
  // entry, name, args, deferreturn, pcsp, pcfile, pcln, npcdata, cuOffset (from 1.16), funcID, … nfuncdata in 4 bytes,
  // with the line of the function before it since 1.20.
  uint64_t at = table_offset_ + functions_ + offset + field_size_;
  std::string bytes;
  if (!elf_->source().read_some(at, 512, bytes)) return std::nullopt;
  ByteCursor cursor(bytes);
  uint32_t words[8]{};
  bool old = magic_ == kGo12;
  for (size_t i = 0; i < (old ? 7u : 8u); ++i) {
    auto value = cursor.read<uint32_t>();
    if (!value) return std::nullopt;
    words[i] = *value;
  }
  Function function;
  function.entry = entry_of(index);
  function.name = words[0];
  function.files = words[4];
  function.lines = words[5];
  function.unit = words[7];
  if (old || !inline_base_) return function;
  if (magic_ == kGo120) cursor.skip(4);
  auto flags = cursor.read<uint32_t>();
  if (!flags || words[6] <= kInlineIndexTable || *flags >> 24 <= kInlineTreeData) return function;
  if (!cursor.skip(4 * kInlineIndexTable)) return function;
  auto table = cursor.read<uint32_t>();
  if (!table || !cursor.skip(4 * (uint64_t{words[6]} - kInlineIndexTable - 1 + kInlineTreeData))) return function;
  auto tree = cursor.read<uint32_t>();
  if (!tree || *tree == kNone) return function;
  function.inline_table = *table;
  function.inline_tree = *inline_base_ + *tree;
  return function;
}

std::optional<int64_t> GoFunctions::value_at(const Function& function, uint32_t table, uint64_t address) const {
  if (table == 0 || table >= table_size_ || tables_ >= table_size_ - table) return std::nullopt;
  ByteStream stream(elf_->source(), table_offset_ + tables_ + table, table_offset_ + table_size_);
  uint64_t pc = function.entry;
  int64_t value = -1;
  for (bool first = true;; first = false) {
    auto change = stream.varint();
    if (!change || (*change == 0 && !first)) return std::nullopt;
    auto length = stream.varint();
    if (!length) return std::nullopt;
    value += *change & 1 ? -static_cast<int64_t>(*change >> 1) - 1 : static_cast<int64_t>(*change >> 1);
    pc += uint64_t{*length} * quantum_;
    if (address < pc) return value;
  }
}

std::string GoFunctions::file_of(const Function& function, int64_t number) const {
  if (number < 0 || number > INT32_MAX) return {};
  uint64_t base = files_, slot = files_ + 4 * static_cast<uint64_t>(number);
  if (magic_ == kGo12) {
    base = 0;
  } else {
    if (function.unit == kNone) return {};
    slot = units_ + 4 * (uint64_t{function.unit} + static_cast<uint64_t>(number));
  }
  auto offset = word(slot, 4);
  if (!offset || *offset == kNone || *offset >= table_size_ || base >= table_size_ - *offset) return {};
  return elf_->source().text_at(table_offset_ + base + *offset, kLongestPath);
}

std::vector<SourceFrame> GoFunctions::source(uint64_t address) const {
  std::vector<SourceFrame> frames;
  auto index = index_of(address);
  auto function = index ? function_at(*index) : std::nullopt;
  if (!function) return frames;
  uint64_t pc = address;
  while (true) {
    SourceFrame& frame = frames.emplace_back();
    frame.line =
        static_cast<int>(std::clamp<int64_t>(value_at(*function, function->lines, pc).value_or(0), 0, INT32_MAX));
    frame.file = file_of(*function, value_at(*function, function->files, pc).value_or(-1));
    frame.function = name_at(function->name);
    if (!function->inline_tree || frames.size() >= kDeepestInlining) return frames;
    int64_t call = value_at(*function, *function->inline_table, pc).value_or(-1);
    if (call < 0 || call > INT32_MAX) return frames;
    // inlinedCall: … name, parentPc at 12 and 16 of 20 bytes; at 4 and 8 of 16 since 1.20.
    size_t size = magic_ == kGo120 ? 16 : 20, at = magic_ == kGo120 ? 4 : 12;
    auto where = elf_->file_offset(*function->inline_tree + static_cast<uint64_t>(call) * size);
    auto record = where ? elf_->source().read(*where + at, 8) : Result<std::string>(std::string());
    if (!record || record->size() != 8) return frames;
    uint32_t name = 0, parent = 0;
    std::memcpy(&name, record->data(), 4);
    std::memcpy(&parent, record->data() + 4, 4);
    frame.function = name_at(name);
    frame.inlined = true;
    pc = function->entry + parent;
  }
}

}  // namespace ec
