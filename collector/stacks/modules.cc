#include "collector/stacks/modules.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>

#include "collector/stacks/image_tables.h"

namespace ec {

namespace {

constexpr uint64_t kLargestVdso = 1 << 20;
constexpr std::string_view kDeleted = " (deleted)";

uint64_t device_number(const Region& region) { return (uint64_t{region.device_major} << 32) | region.device_minor; }

std::string without_deleted(const std::string& name) {
  return name.ends_with(kDeleted) ? name.substr(0, name.size() - kDeleted.size()) : name;
}

}  // namespace

Modules::Modules(pid_t live_tid, AddressSpace space, MayOpen may_open)
    : live_tid_(live_tid), memory_(live_tid), may_open_(std::move(may_open)) {
  update(std::move(space));
}

void Modules::update(AddressSpace space) {
  space_ = std::move(space);
  by_region_.assign(space_.regions.size(), nullptr);
}

bool Modules::executable(uint64_t address) const {
  const Region* region = space_.find(address);
  return region && region->executable;
}

// Opening is a risk: a device may act, a FIFO or a dead network mount may block. So only regular files, never below
// /dev.
Result<UniqueFd> Modules::open_path(const std::string& path, const Region& region, bool same_inode_required) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return fail_errno(path, errno);
  if (!S_ISREG(info.st_mode)) return fail(ErrorCode::kUnsupported, path, "not a regular file");
  // The device that maps shows differs from that of stat(2) on overlayfs and btrfs: the inode decides.
  if (same_inode_required && info.st_ino != region.inode)
    return fail(ErrorCode::kGone, path, "another file stands at this path now");
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (!fd) return fail_errno(path, errno);
  struct stat opened;
  if (fstat(fd.get(), &opened) != 0) return fail_errno(path, errno);
  if (!S_ISREG(opened.st_mode) || opened.st_ino != info.st_ino)
    return fail(ErrorCode::kGone, path, "the file was replaced while it was opened");
  return fd;
}

Result<std::unique_ptr<ElfImage>> Modules::open_file(const Region& region, std::string& vdso_bytes) {
  const std::string& name = space_.name(region);
  if (name == "[vdso]") {
    vdso_bytes.resize(std::min(region.end - region.begin, kLargestVdso));
    if (memory_.read(region.begin, vdso_bytes.data(), vdso_bytes.size()) != vdso_bytes.size())
      return fail_errno(name, memory_.last_errno(), "could not be read");
    return ElfImage::from_bytes(vdso_bytes, name);
  }
  if (region.inode == 0) return fail(ErrorCode::kNotFound, name, "no file behind this mapping");
  if (name.starts_with("/dev/") || name.starts_with("/SYSV") || name.starts_with("anon_inode:"))
    return fail(ErrorCode::kSkipped, name, "devices are not opened");
  if (may_open_ && !may_open_(name)) return fail(ErrorCode::kTimeout, name, "opening this file hung before");

  // map_files leads to the file itself, whatever stands at its path now, in any mount namespace; it needs a capability.
  Result<UniqueFd> fd =
      open_path(fmt::format("/proc/{}/map_files/{:x}-{:x}", live_tid_, region.begin, region.end), region, true);
  if (!fd) {
    Error first = fd.error();
    fd = open_path(fmt::format("/proc/{}/exe", live_tid_), region, true);
    if (!fd && !name.ends_with(kDeleted) && name.starts_with('/'))
      fd = open_path(fmt::format("/proc/{}/root{}", live_tid_, name), region, true);
    if (!fd) return tl::unexpected(first);
  }
  struct stat info;
  if (fstat(fd->get(), &info) != 0) return fail_errno(name, errno);
  return ElfImage::open(std::move(*fd), static_cast<uint64_t>(info.st_size), name);
}

Modules::File& Modules::file_of(const Region& region) {
  auto [place, added] = files_.try_emplace({device_number(region), region.inode, space_.name(region)});
  File& file = place->second;
  if (!added) return file;
  auto image = open_file(region, file.bytes);
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
  if (may_open_ && !may_open_("debug file of " + name)) return {};
  UniqueFd root(open(fmt::format("/proc/{}/root", live_tid_).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  return read_debug_frame(image, without_deleted(name), {root ? root.get() : -1, debug_directories_});
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
