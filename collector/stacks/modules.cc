#include "collector/stacks/modules.h"

#include <algorithm>
#include <set>

#include "collector/stacks/image_tables.h"

namespace ec {

namespace {

// For the symbols of all programs and libraries, and the list that one of them may lead to.
constexpr milliseconds kMostJitSearch{3000};

uint64_t device_number(const Region& region) { return (uint64_t{region.device_major} << 32) | region.device_minor; }

}  // namespace

Modules::Modules(AddressSpace space, std::unique_ptr<ModuleFiles> files) : opener_(std::move(files)) {
  update(std::move(space));
}

Modules::Modules(pid_t live_tid, AddressSpace space, MayOpen may_open)
    : Modules(std::move(space), std::make_unique<LiveModuleFiles>(live_tid, std::move(may_open))) {}

void Modules::update(AddressSpace space) {
  space_ = std::move(space);
  ++picture_;
  by_region_.assign(space_.regions.size(), nullptr);
  jit_modules_.clear();
  jit_objects_.reset();
}

bool Modules::executable(uint64_t address) const {
  const Region* region = space_.find(address);
  return region && region->executable;
}

Modules::File& Modules::file_of(const Region& region) {
  auto [place, added] = files_.try_emplace({device_number(region), region.inode, space_.name(region)});
  File& file = place->second;
  if (!added) return file;
  auto image = opener_->open(space_, region, file.bytes);
  opener_->opened();
  if (!image) {
    file.why = image.error();
    return file;
  }
  file.image = std::move(*image);
  file.cfi = std::make_shared<CfiTable>(*file.image, [this, image = file.image.get(), name = space_.name(region)] {
    return debug_frame_of(*image, name);
  });
  return file;
}

std::string Modules::debug_frame_of(ElfImage& image, const std::string& name) {
  // Looking for a separate file may hang where opening the file itself did not.
  if (!opener_->may_open("debug file of " + name)) return {};
  UniqueFd root = opener_->target_root();
  std::string section = read_debug_frame(image, without_deleted(name), {root ? root.get() : -1, debug_directories_});
  opener_->opened();
  return section;
}

Module* Modules::at(uint64_t address) {
  const Region* region = space_.find(address);
  if (!region) return nullptr;
  const std::string& name = space_.name(*region);
  if (region->inode == 0 && name != "[vdso]") {
    // Variables that begin as zero (.bss) lie behind the last mapping of their file, on pages without one.
    const Region* before = region == space_.regions.data() ? nullptr : region - 1;
    bool zeroes = name.empty() && region->writable && !region->executable && before && before->end == region->begin &&
                  before->inode != 0 && before->writable;
    return zeroes ? at(before->begin) : nullptr;
  }
  Module*& known = by_region_[static_cast<size_t>(region - space_.regions.data())];
  if (known) return known;

  File& file = file_of(*region);
  uint64_t bias = region->begin - region->offset;  // without a file: offsets in the file instead of addresses
  if (file.image)
    if (auto real = file.image->bias(region->begin, name == "[vdso]" ? 0 : region->offset, region->executable))
      bias = *real;
  for (const auto& module : modules_)
    if (module->bias == bias && module->inode == region->inode && module->device_major == region->device_major &&
        module->device_minor == region->device_minor && module->image == file.image &&
        module->path == without_deleted(name))
      return known = module.get();
  auto module = std::make_unique<Module>();
  module->path = without_deleted(name);
  module->device_major = region->device_major;
  module->device_minor = region->device_minor;
  module->inode = region->inode;
  module->bias = bias;
  module->image = file.image;
  module->cfi = file.cfi;
  module->bytes = file.bytes;
  module->why = file.why;
  modules_.push_back(std::move(module));
  return known = modules_.back().get();
}

bool Modules::made_at_run_time(uint64_t address) {
  if (!executable(address)) return false;
  Module* module = at(address);
  return !module || (!module->image && module->path.starts_with("/memfd:"));
}

Module* Modules::unwinding_at(uint64_t address) {
  if (!made_at_run_time(address)) return at(address);
  JitObject* object = jit_objects().at(address);
  if (!object) return nullptr;
  auto [place, added] = jit_modules_.try_emplace(object);
  if (added) {
    place->second.image = object->image;
    place->second.cfi = object->cfi;
  }
  return &place->second;
}

JitObjects& Modules::jit_objects() {
  if (jit_objects_) return *jit_objects_;
  jit_objects_ = std::make_unique<JitObjects>([this](uint64_t address, void* destination, size_t size) {
    return opener_->read_memory(address, destination, size);
  });
  Deadline until = Deadline::in(kMostJitSearch);
  std::set<const Module*> seen;
  for (const Region& region : space_.regions) {
    if (!region.executable || region.inode == 0 || until.passed()) continue;
    Module* module = at(region.begin);
    if (!module || !module->image || !seen.insert(module).second) continue;
    auto file = open_elf_file(*module->image, module->path);
    auto descriptor = file ? jit_descriptor_in(*file) : std::nullopt;
    if (descriptor) jit_objects_->add_list(*descriptor + module->bias, until);
  }
  return *jit_objects_;
}

const GoPcTable* Modules::go_functions(Module& module) {
  if (!module.go_sought) {
    module.go_sought = true;
    auto found = module.image ? read_go_functions(*module.image, module.path) : std::nullopt;
    if (found) module.go = std::make_shared<const GoPcTable>(std::move(*found));
  }
  return module.go.get();
}

void Modules::preset(uint64_t address, std::unique_ptr<ElfImage> image) {
  const Region* region = space_.find(address);
  if (!region) return;
  File& file = files_[{device_number(*region), region->inode, space_.name(*region)}];
  file.image = std::move(image);
  file.cfi = std::make_shared<CfiTable>(*file.image);
}

bool Modules::read_code(uint64_t address, void* destination, size_t count) {
  Module* module = at(address);
  return module && module->image && module->image->read_address(address - module->bias, destination, count);
}

}  // namespace ec
