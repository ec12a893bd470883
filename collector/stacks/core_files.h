// The programs and libraries that a core names, and whether those on disk are still the ones that ran: the core holds
// the first page of each file, with its build id. One that differs is not used: its names would be wrong ones.
#pragma once

#include <string>
#include <vector>

#include "collector/stacks/module_files.h"
#include "collector/target/core_file.h"

namespace ec {

struct CoreProgram {
  std::string path;         // as the core has it, without " (deleted)"
  uint64_t begin = 0;       // of its first page in memory
  bool known = false;       // the core holds that page, and it is of an ELF file
  std::string build_id;     // hex, "" = it has none, or the core does not hold it
  bool executable = false;  // the program itself: what the auxiliary vector says the entry is in
};
// Of all files that are mapped from their first byte on, in the order of their addresses. Other files than programs
// are among those that are not known.
std::vector<CoreProgram> core_programs(const CoreFile& core);

class CoreModuleFiles : public ModuleFiles {
 public:
  // `executable`: the file to take for the program, "" = that of the path in the core. `core` must outlive this.
  CoreModuleFiles(const CoreFile& core, std::string executable, MayOpen may_open);

  const std::vector<CoreProgram>& programs() const { return programs_; }
  // Errors: those of open(2); gone, when the build id on disk is another one than in the core; malformed.
  Result<UniqueFd> open_program(const CoreProgram& program) const;

  Result<std::unique_ptr<ElfImage>> open(const AddressSpace& space, const Region& region,
                                         std::string& vdso_bytes) override;
  size_t read_memory(uint64_t address, void* destination, size_t size) override {
    return core_.read(address, destination, size);
  }

 private:
  const CoreFile& core_;
  std::string executable_;
  std::vector<CoreProgram> programs_;
};

}  // namespace ec
