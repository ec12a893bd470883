#include "collector/stacks/cfi_table.h"

#include <algorithm>

namespace ec {

namespace {

// DW_EH_PE_*, LSB 5.0 table 10.
constexpr uint8_t kOmit = 0xff, kAbsolute = 0x00, kUleb = 0x01, kUdata2 = 0x02, kUdata4 = 0x03, kUdata8 = 0x04,
                  kSdata2 = 0x0a, kSdata4 = 0x0b, kSdata8 = 0x0c;
constexpr uint8_t kPcRelative = 0x10, kDataRelative = 0x30, kIndirect = 0x80;
constexpr uint8_t kUsualTable = kDataRelative | kSdata4;
constexpr size_t kMostEntries = 4'000'000;  // chromium has about one million
constexpr int kLongestLeb = 10;

// Reads values of an ELF file in order; every read says whether it was possible.
class AddressCursor {
 public:
  AddressCursor(ElfImage& image, uint64_t address, uint64_t end) : image_(image), address_(address), end_(end) {}

  uint64_t address() const { return address_; }
  bool good() const { return good_; }

  template <class T>
  T read() {
    T value{};
    if (!good_ || end_ - address_ < sizeof(T) || !image_.read_address(address_, &value, sizeof(T))) {
      good_ = false;
      return T{};
    }
    address_ += sizeof(T);
    return value;
  }
  uint64_t uleb() {
    uint64_t value = 0;
    for (int i = 0; i < kLongestLeb; ++i) {
      auto byte = read<uint8_t>();
      if (i * 7 < 64) value |= static_cast<uint64_t>(byte & 0x7f) << (i * 7);
      if (!(byte & 0x80)) return value;
    }
    good_ = false;
    return 0;
  }
  // A value with the given encoding; `data_base` for data-relative ones.
  uint64_t encoded(uint8_t encoding, uint64_t data_base) {
    uint64_t base = 0;
    if ((encoding & 0x70) == kPcRelative)
      base = address_;
    else if ((encoding & 0x70) == kDataRelative)
      base = data_base;
    else if ((encoding & 0x70) != 0)
      good_ = false;
    if (encoding & kIndirect) good_ = false;
    return base + raw(encoding & 0x0f);
  }
  uint64_t raw(uint8_t form) {
    switch (form) {
      case kAbsolute:
      case kUdata8:
      case kSdata8:
        return read<uint64_t>();
      case kUdata2:
        return read<uint16_t>();
      case kUdata4:
        return read<uint32_t>();
      case kSdata2:
        return static_cast<uint64_t>(int64_t{read<int16_t>()});
      case kSdata4:
        return static_cast<uint64_t>(int64_t{read<int32_t>()});
      case kUleb:
        return uleb();
      default:
        good_ = false;
        return 0;
    }
  }

 private:
  ElfImage& image_;
  uint64_t address_, end_;
  bool good_ = true;
};

}  // namespace

CfiTable::CfiTable(ElfImage& image, ReadDebugFrame read_debug_frame)
    : image_(image), read_debug_frame_(std::move(read_debug_frame)) {
  if (image_.eh_frame_header()) read_header();
  if (eh_frame_ == 0) {
    auto section = image_.section(".eh_frame");
    if (section && section->address != 0) set_eh_frame({section->address, section->size});
  }
  uint64_t segment_end = image_.segment_end(eh_frame_);
  eh_frame_end_ = eh_frame_end_ == 0 ? segment_end : std::min(eh_frame_end_, segment_end);
}

CfiTable::CfiTable(ElfImage& image, Extent eh_frame, ReadDebugFrame read_debug_frame)
    : image_(image), read_debug_frame_(std::move(read_debug_frame)) {
  set_eh_frame(eh_frame);
  eh_frame_end_ = std::min(eh_frame_end_, image_.segment_end(eh_frame_));
}

void CfiTable::set_eh_frame(Extent extent) {
  eh_frame_ = extent.address;
  uint64_t end;
  if (!__builtin_add_overflow(extent.address, extent.size, &end)) eh_frame_end_ = end;
}

void CfiTable::read_header() {
  uint64_t base = image_.eh_frame_header()->address;
  AddressCursor cursor(image_, base, image_.segment_end(base));
  auto version = cursor.read<uint8_t>();
  auto frame_encoding = cursor.read<uint8_t>(), count_encoding = cursor.read<uint8_t>(),
       table_encoding = cursor.read<uint8_t>();
  if (!cursor.good() || version != 1 || frame_encoding == kOmit) return;
  uint64_t frame = cursor.encoded(frame_encoding, base);
  if (!cursor.good()) return;
  eh_frame_ = frame;
  if (count_encoding == kOmit || table_encoding != kUsualTable) return;
  uint64_t count = cursor.encoded(count_encoding, base);
  uint64_t room = (image_.segment_end(base) - cursor.address()) / 8;
  if (!cursor.good() || count == 0) return;
  table_ = cursor.address();
  table_base_ = base;
  table_count_ = std::min(count, room);
}

std::optional<uint64_t> CfiTable::search_table(uint64_t address) {
  // Pairs of int32: start of the function and its FDE, both relative to the header, sorted by the first.
  auto start_of = [&](uint64_t i) -> std::optional<uint64_t> {
    auto relative = image_.at<int32_t>(table_ + i * 8);
    if (!relative) return std::nullopt;
    return table_base_ + static_cast<uint64_t>(int64_t{*relative});
  };
  uint64_t low = 0, high = table_count_;  // the last start <= address is in [low - 1, high)
  while (low < high) {
    uint64_t middle = low + (high - low) / 2;
    auto start = start_of(middle);
    if (!start) return std::nullopt;
    if (*start <= address)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == 0) return std::nullopt;
  auto relative = image_.at<int32_t>(table_ + (low - 1) * 8 + 4);
  if (!relative) return std::nullopt;
  return table_base_ + static_cast<uint64_t>(int64_t{*relative});
}

std::optional<FdeRange> CfiTable::find(uint64_t address) {
  if (auto range = find_in_eh_frame(address)) return range;
  auto found = debug_frames().find(address);
  if (!found) return std::nullopt;
  return FdeRange{found->start, found->size, found->entry, false};
}

DebugFrames& CfiTable::debug_frames() {
  if (!debug_frames_) debug_frames_.emplace(read_debug_frame_ ? read_debug_frame_() : std::string{});
  return *debug_frames_;
}

bool CfiTable::read(uint64_t address, void* destination, size_t count) {
  if (address < DebugFrames::kBase) return image_.read_address(address, destination, count);
  return debug_frames_ && debug_frames_->read(address, destination, count);
}

std::optional<FdeRange> CfiTable::find_in_eh_frame(uint64_t address) {
  if (table_count_ > 0) {
    if (auto fde = search_table(address))
      if (auto range = read_fde(*fde); range && address >= range->start && address - range->start < range->size)
        return range;
    return std::nullopt;
  }
  if (!indexed_) build_index();
  auto after = std::upper_bound(index_.begin(), index_.end(), address,
                                [](uint64_t wanted, const Entry& entry) { return wanted < entry.start; });
  if (after == index_.begin()) return std::nullopt;
  const Entry& entry = *std::prev(after);
  if (address - entry.start >= entry.size) return std::nullopt;
  return read_fde(entry.fde);
}

bool CfiTable::empty() {
  if (table_count_ > 0) return false;
  if (!indexed_) build_index();
  return index_.empty() && debug_frames().empty();
}

std::optional<CfiTable::Cie> CfiTable::read_cie(uint64_t address) {
  if (auto known = cies_.find(address); known != cies_.end()) return known->second;
  auto parse = [&]() -> std::optional<Cie> {
    AddressCursor cursor(image_, address, image_.segment_end(address));
    uint64_t length = cursor.read<uint32_t>();
    bool wide = length == 0xffffffff;
    if (wide) length = cursor.read<uint64_t>();
    if (cursor.read<uint32_t>() != 0) return std::nullopt;  // the id of a CIE in .eh_frame
    auto version = cursor.read<uint8_t>();
    if (!cursor.good() || (version != 1 && version != 3 && version != 4)) return std::nullopt;
    char augmentation[16];
    size_t letters = 0;
    while (true) {
      char c = cursor.read<char>();
      if (!cursor.good() || letters + 1 >= sizeof augmentation) return std::nullopt;
      if (c == 0) break;
      augmentation[letters++] = c;
    }
    if (version == 4) cursor.read<uint16_t>();  // address size, segment size
    cursor.uleb();                              // code alignment
    cursor.uleb();                              // data alignment: a signed one ends at the same byte
    if (version == 1)
      cursor.read<uint8_t>();
    else
      cursor.uleb();  // return address column
    Cie cie;
    for (size_t i = 0; i < letters; ++i) switch (augmentation[i]) {
        case 'z':
          cie.has_length = true;
          cursor.uleb();
          break;
        case 'R':
          cie.pointer_encoding = cursor.read<uint8_t>();
          break;
        case 'L':
          cursor.read<uint8_t>();
          break;
        case 'P': {
          auto encoding = cursor.read<uint8_t>();
          cursor.raw(encoding & 0x0f);
          break;
        }
        case 'S':
          cie.signal_frame = true;
          break;
        case 'B':
          break;  // aarch64: return addresses signed with key B
        default:
          return std::nullopt;
      }
    return cursor.good() ? std::optional(cie) : std::nullopt;
  };
  return cies_.emplace(address, parse()).first->second;
}

std::optional<FdeRange> CfiTable::read_fde(uint64_t address) {
  AddressCursor cursor(image_, address, image_.segment_end(address));
  uint64_t length = cursor.read<uint32_t>();
  if (length == 0xffffffff) length = cursor.read<uint64_t>();
  if (!cursor.good() || length == 0) return std::nullopt;
  uint64_t here = cursor.address();
  auto back = cursor.read<uint32_t>();
  if (!cursor.good() || back == 0 || back > here) return std::nullopt;
  auto cie = read_cie(here - back);
  if (!cie) return std::nullopt;
  FdeRange range;
  range.fde = address;
  range.start = cursor.encoded(cie->pointer_encoding, 0);
  range.size = cursor.raw(cie->pointer_encoding & 0x0f);
  range.signal_frame = cie->signal_frame;
  if (!cursor.good()) return std::nullopt;
  return range;
}

void CfiTable::build_index() {
  indexed_ = true;
  uint64_t at = eh_frame_;
  while (at != 0 && at < eh_frame_end_ && index_.size() < kMostEntries) {
    AddressCursor cursor(image_, at, eh_frame_end_);
    uint64_t length = cursor.read<uint32_t>();
    if (length == 0xffffffff) length = cursor.read<uint64_t>();
    if (!cursor.good() || length == 0 || length > eh_frame_end_ - cursor.address()) break;  // 0: the terminator
    uint64_t next = cursor.address() + length;
    if (cursor.read<uint32_t>() != 0)  // not a CIE
      if (auto range = read_fde(at);
          range && range->size > 0 && range->start != 0)  // 0: function dropped by the linker
        index_.push_back({range->start, range->size, range->fde});
    at = next;
  }
  std::sort(index_.begin(), index_.end(), [](const Entry& a, const Entry& b) { return a.start < b.start; });
}

}  // namespace ec
