// Which piece of call frame information covers an address: the sorted table of .eh_frame_hdr when it has the usual
// form, else an index built from .eh_frame itself (static binaries, prelinked or gold-linked ones), and .debug_frame
// for what those do not cover. LSB 5.0, "Exception Frames".
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "collector/stacks/debug_frames.h"
#include "collector/stacks/elf_image.h"

namespace ec {

// Addresses as in the ELF file.
struct FdeRange {
  uint64_t start = 0, size = 0;
  uint64_t fde = 0;           // where the frame description entry stands; from DebugFrames::kBase on a rewritten one
  bool signal_frame = false;  // augmentation 'S'
};

class CfiTable {
 public:
  // The bytes of .debug_frame, asked for once, when .eh_frame does not cover an address.
  using ReadDebugFrame = std::function<std::string()>;
  explicit CfiTable(ElfImage& image, ReadDebugFrame read_debug_frame = {});
  struct Extent {
    uint64_t address = 0, size = 0;
  };
  // Where .eh_frame is, is known.
  CfiTable(ElfImage& image, Extent eh_frame, ReadDebugFrame read_debug_frame);

  // The entry that covers `address`; nothing when none does.
  std::optional<FdeRange> find(uint64_t address);
  // Whether there is any call frame information.
  bool empty();
  // Of .eh_frame in the file, or of what may be it; empty when there is none.
  Extent eh_frame() const { return {eh_frame_, eh_frame_ < eh_frame_end_ ? eh_frame_end_ - eh_frame_ : 0}; }
  const std::string& debug_frame() { return debug_frames().section(); }
  // Bytes of entries that find() gave, at addresses of the file.
  bool read(uint64_t address, void* destination, size_t count);

 private:
  struct Cie {
    uint8_t pointer_encoding = 0;
    bool has_length = false;  // augmentation 'z'
    bool signal_frame = false;
  };
  struct Entry {
    uint64_t start, size, fde;
  };
  void read_header();
  void set_eh_frame(Extent extent);
  void build_index();
  std::optional<FdeRange> find_in_eh_frame(uint64_t address);
  DebugFrames& debug_frames();
  std::optional<uint64_t> search_table(uint64_t address);
  std::optional<FdeRange> read_fde(uint64_t address);
  std::optional<Cie> read_cie(uint64_t address);

  ElfImage& image_;
  uint64_t eh_frame_ = 0, eh_frame_end_ = 0;               // 0 = unknown
  uint64_t table_ = 0, table_base_ = 0, table_count_ = 0;  // usable sdata4 table of the header
  bool indexed_ = false;
  std::vector<Entry> index_;
  std::unordered_map<uint64_t, std::optional<Cie>> cies_;
  ReadDebugFrame read_debug_frame_;
  std::optional<DebugFrames> debug_frames_;
};

}  // namespace ec
