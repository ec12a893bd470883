// A core file, opened: what its notes say, and the memory that it holds. The file is hostile input of any size and may
// shrink: it is read with pread(2), and nothing of it is mapped.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "collector/base/unique_fd.h"
#include "collector/target/address_space.h"
#include "collector/target/core_headers.h"
#include "collector/target/core_notes.h"

namespace ec {

// The address space as segments and notes tell it. A core has no inodes: each path gets a number of its own instead
// (0: no file). What no segment tells the permissions of (gcore leaves out what it does not copy) is taken for readable
// code.
AddressSpace core_address_space(const std::vector<CoreSegment>& segments, const CoreNotes& notes);

class CoreFile {
 public:
  // Errors: those of open(2); unsupported (not a regular file, compressed, of another machine); malformed; truncated
  // (it ends before the notes, without which nothing is known).
  static Result<CoreFile> open(const std::string& path);

  const std::string& path() const { return path_; }
  const CoreNotes& notes() const { return notes_; }
  const AddressSpace& space() const { return space_; }
  // How long the file is, and how long it would be if nothing were cut off.
  uint64_t size() const { return size_; }
  uint64_t whole_size() const { return layout_.file_bytes; }
  // Bytes of memory that the core was to hold, and that are missing because it is cut short.
  uint64_t memory_bytes() const;
  uint64_t missing_bytes() const;

  // The process: NT_PRPSINFO, else what the first thread tells.
  int pid() const;
  std::string comm() const;
  // The thread that got the signal, or that gcore names first. Never null: open() requires a thread.
  const CoreThread& first_thread() const { return notes_.threads.front(); }

  // Copies up to `size` bytes from `address` and returns how many: fewer where the core does not hold them.
  size_t read(uint64_t address, void* destination, size_t size) const;

 private:
  CoreFile() = default;

  std::string path_;
  std::shared_ptr<UniqueFd> fd_;
  uint64_t size_ = 0;
  CoreLayout layout_;
  CoreNotes notes_;
  AddressSpace space_;
};

}  // namespace ec
