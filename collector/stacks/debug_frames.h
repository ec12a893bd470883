// Call frame information of .debug_frame (DWARF 5, section 6.4.1), which is all that Go and C compiled with
// -fno-asynchronous-unwind-tables -g have. libunwind reads only the form of .eh_frame, so the entries that are asked
// for are rewritten into it: version 3, which has none of the bytes that version 4 added, and relative addresses, so
// that one copy serves every load bias.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace ec {

class DebugFrames {
 public:
  // What was rewritten stands here, among the addresses of the ELF file. No file has addresses there, and with any load
  // bias no memory has: they lie outside of the canonical addresses of x86-64.
  static constexpr uint64_t kBase = 0xffff'0000'0000'0000;

  // `section`: the bytes of .debug_frame of a 64-bit file, unpacked; "" finds nothing.
  explicit DebugFrames(std::string section);

  struct Found {
    uint64_t start = 0, size = 0;  // of the function, as in the ELF file
    uint64_t entry = 0;            // of the rewritten entry, from kBase on
  };
  std::optional<Found> find(uint64_t address);
  bool empty() const { return index_.empty(); }
  const std::string& section() const { return section_; }
  // Rewritten bytes. Behind the last one are zeros up to a multiple of 8.
  bool read(uint64_t address, void* destination, size_t count) const;

 private:
  struct Entry {
    uint64_t start, size, offset;  // offset: of the entry in the section
  };
  void build_index();
  std::optional<uint64_t> rewrite(const Entry& entry);
  std::optional<uint64_t> rewrite_common(uint64_t offset);

  std::string section_;
  std::string made_;
  std::vector<Entry> index_;                                         // by start
  std::unordered_map<uint64_t, std::optional<uint64_t>> rewritten_;  // offset in section_ to offset in made_
};

}  // namespace ec
