// The files behind the executable mappings of one target, live or dead, opened when an address in them is first met.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "collector/stacks/cfi_table.h"
#include "collector/stacks/elf_image.h"
#include "collector/stacks/gdb_jit.h"
#include "collector/stacks/module_files.h"
#include "collector/target/address_space.h"
#include "symbolize/go_pcvalue.h"

namespace ec {

struct Module {
  std::string path;  // as the target names it, without " (deleted)"; "[vdso]"
  uint64_t device_major = 0, device_minor = 0, inode = 0;
  uint64_t bias = 0;                    // address in memory - address in the file
  std::shared_ptr<ElfImage> image;      // null: could not be read, `why` says why
  std::shared_ptr<CfiTable> cfi;        // with image
  std::string bytes;                    // of the vdso, which has no file
  std::shared_ptr<const GoPcTable> go;  // Modules::go_functions() fills it in
  bool go_sought = false;
  Error why;
};

class Modules {
 public:
  Modules(AddressSpace space, std::unique_ptr<ModuleFiles> files);
  // Of a live process.
  Modules(pid_t live_tid, AddressSpace space, MayOpen may_open);
  Modules(const Modules&) = delete;
  Modules& operator=(const Modules&) = delete;

  const AddressSpace& space() const { return space_; }
  // On the host, for separate debug files that hold call frame information; laid out as DebugPlaces says.
  void search_debug_files(std::vector<std::string> directories) { debug_directories_ = std::move(directories); }
  // A newer picture; files that are open stay open.
  void update(AddressSpace space);
  // Another number for each picture.
  uint64_t picture() const { return picture_; }

  bool executable(uint64_t address) const;
  // The module of the mapping that holds `address`, or whose .bss does; null when nothing is mapped there, or no file
  // (JIT code). The module may be without an image. Lives as long as this object.
  Module* at(uint64_t address);
  // Executable memory without an ELF file behind it, as JIT compilers make: anonymous, or a memfd mapped twice.
  bool made_at_run_time(uint64_t address);
  // Whose call frame information holds for the code at `address`: at(), or for code made at run time a module that
  // stands for the object that its compiler registered with debuggers. Lives until the next update().
  Module* unwinding_at(uint64_t address);
  // What JIT compilers of the target registered. Looked for when first asked, and again in a newer picture.
  JitObjects& jit_objects();
  // Bytes of code as the file has them. False in mappings without a file.
  bool read_code(uint64_t address, void* destination, size_t count);
  // The frame sizes of the Go functions in it, null when there are none.
  const GoPcTable* go_functions(Module& module);
  // Uses this image for the mapping that holds `address`, instead of opening a file: for images that are at hand.
  void preset(uint64_t address, std::unique_ptr<ElfImage> image);
  // Every module met so far.
  const std::vector<std::unique_ptr<Module>>& met() const { return modules_; }

 private:
  struct File {
    std::shared_ptr<ElfImage> image;
    std::shared_ptr<CfiTable> cfi;
    std::string bytes;
    Error why;
  };
  File& file_of(const Region& region);
  std::string debug_frame_of(ElfImage& image, const std::string& name);

  std::unique_ptr<ModuleFiles> opener_;
  AddressSpace space_;
  uint64_t picture_ = 0;
  std::vector<std::string> debug_directories_;
  std::vector<Module*> by_region_;  // parallel to space_.regions; null = not looked at yet
  std::vector<std::unique_ptr<Module>> modules_;
  std::map<std::tuple<uint64_t, uint64_t, std::string>, File> files_;  // device, inode, name
  std::unique_ptr<JitObjects> jit_objects_;
  std::map<const JitObject*, Module> jit_modules_;
};

}  // namespace ec
