// The list that JIT compilers keep for debuggers: "JIT Compilation Interface" of GDB's manual. Entries lead to ELF
// objects in the target's memory, which the target changes meanwhile and which it may have filled with anything.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <unordered_set>
#include <vector>

#include "collector/base/clock.h"
#include "collector/stacks/cfi_table.h"
#include "collector/stacks/elf_image.h"
#include "symbolize/elf_file.h"
#include "symbolize/jit_names.h"

namespace ec {

// Copies up to `size` bytes from an address of the target; gives how many.
using ReadTarget = std::function<size_t(uint64_t address, void* destination, size_t size)>;

// The address in the file of __jit_debug_descriptor; nothing when the file does not define it.
std::optional<uint64_t> jit_descriptor_in(const ElfFile& file);

struct JitObject {
  ElfFile file;
  std::shared_ptr<ElfImage> image;  // of its call frame information, at the addresses of the target
  std::shared_ptr<CfiTable> cfi;
};

// The objects of one target. Where their code is, is read once from all of them; an object itself once, when one of its
// addresses is asked for.
class JitObjects {
 public:
  explicit JitObjects(ReadTarget read) : read_(std::move(read)) {}
  // The list at `descriptor`, an address of the target. Where objects overlap, the first one counts: new ones are put
  // in front.
  void add_list(uint64_t descriptor, Deadline deadline);
  // Null when no object has code there, or it cannot be read. Lives as long as this.
  JitObject* at(uint64_t address);

 private:
  struct Entry {
    uint64_t address, size;
    bool sought = false;
    std::unique_ptr<JitObject> object = {};
  };
  struct Code {
    uint64_t end;
    size_t entry;
  };
  void add(uint64_t object, uint64_t size);
  std::unique_ptr<JitObject> open(const Entry& entry, uint64_t code);

  ReadTarget read_;
  uint64_t bytes_left_ = 128u << 20;
  std::unordered_set<uint64_t> seen_;  // addresses of list entries
  std::vector<Entry> entries_;
  std::map<uint64_t, Code> code_;  // by first address
};

// What the objects say about these addresses.
JitNames names_in_jit_objects(JitObjects& objects, const std::vector<uint64_t>& addresses);

}  // namespace ec
