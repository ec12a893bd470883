// Who opens the files behind mappings: of a live process through /proc, of a core by their paths.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "collector/base/unique_fd.h"
#include "collector/stacks/elf_image.h"
#include "collector/target/address_space.h"
#include "collector/target/target_memory.h"

namespace ec {

// Called before a file of the target is opened, with its path; false refuses it (an earlier try hung on it). Called
// again with "" when that is over: what follows waits for no file.
using MayOpen = std::function<bool(const std::string& path)>;

class ModuleFiles {
 public:
  virtual ~ModuleFiles() = default;
  // The file behind a mapping, or the vdso, which is memory only: its bytes are put into `vdso_bytes` as well.
  virtual Result<std::unique_ptr<ElfImage>> open(const AddressSpace& space, const Region& region,
                                                 std::string& vdso_bytes) = 0;
  // False: an earlier try of what this names hung.
  bool may_open(const std::string& what) const { return !may_open_ || may_open_(what); }
  void opened() const {
    if (may_open_) may_open_({});
  }
  // Memory of the target: copies up to `size` bytes from `address`, and says how many.
  virtual size_t read_memory(uint64_t address, void* destination, size_t size) = 0;
  // The root directory of the target, for its separate debug files; none: that of the host.
  virtual UniqueFd target_root() const { return {}; }

 protected:
  explicit ModuleFiles(MayOpen may_open) : may_open_(std::move(may_open)) {}

 private:
  MayOpen may_open_;
};

class LiveModuleFiles : public ModuleFiles {
 public:
  LiveModuleFiles(pid_t live_tid, MayOpen may_open)
      : ModuleFiles(std::move(may_open)), live_tid_(live_tid), memory_(live_tid) {}
  Result<std::unique_ptr<ElfImage>> open(const AddressSpace& space, const Region& region,
                                         std::string& vdso_bytes) override;
  size_t read_memory(uint64_t address, void* destination, size_t size) override {
    return memory_.read(address, destination, size);
  }
  UniqueFd target_root() const override;

 private:
  pid_t live_tid_;
  TargetMemory memory_;
};

// A path as maps shows it, without the mark " (deleted)".
std::string without_deleted(const std::string& name);
// Names of mappings that are no files with code: devices, shared memory, anonymous inodes.
bool is_no_program(std::string_view name);
// Never blocks and never acts on a device. `inode`: that it must have. Errors: those of open(2); gone (another file is
// there), unsupported (not a regular file).
Result<UniqueFd> open_regular_file(const std::string& path, std::optional<uint64_t> inode = std::nullopt);

}  // namespace ec
