#include "collector/stacks/core_files.h"

#include <elf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "symbolize/elf_file.h"

namespace ec {

namespace {

constexpr uint64_t kLargestVdso = 1 << 20;
constexpr uint16_t kMostHeaders = 256;
constexpr uint64_t kLargestNotes = 16 * 1024;

template <class T>
std::optional<T> value_at(const CoreFile& core, uint64_t address) {
  T value;
  if (core.read(address, &value, sizeof value) != sizeof value) return std::nullopt;
  return value;
}

// Of the ELF file whose first page is at `begin`.
void look_at_headers(const CoreFile& core, uint64_t begin, CoreProgram& program) {
  auto header = value_at<Elf64_Ehdr>(core, begin);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return;
  program.known = true;
  std::vector<Elf64_Phdr> segments;
  for (uint16_t i = 0; i < std::min(header->e_phnum, kMostHeaders); ++i)
    if (auto segment = value_at<Elf64_Phdr>(core, begin + header->e_phoff + i * sizeof(Elf64_Phdr)))
      segments.push_back(*segment);
  auto first =
      std::find_if(segments.begin(), segments.end(), [](const Elf64_Phdr& each) { return each.p_type == PT_LOAD; });
  if (first == segments.end()) return;
  uint64_t bias = begin - (first->p_vaddr - first->p_offset);
  for (const Elf64_Phdr& segment : segments) {
    if (segment.p_type != PT_NOTE || !program.build_id.empty()) continue;
    std::string notes(std::min<uint64_t>(segment.p_filesz, kLargestNotes), '\0');
    notes.resize(core.read(bias + segment.p_vaddr, notes.data(), notes.size()));
    program.build_id = build_id_of_notes(notes, segment.p_align == 8 ? 8 : 4);
  }
}

std::string build_id_of(const UniqueFd& fd, const std::string& path) {
  auto elf = ElfFile::open(ByteSource(path, UniqueFd(dup(fd.get()))));
  return elf ? elf->build_id() : std::string{};
}

}  // namespace

std::vector<CoreProgram> core_programs(const CoreFile& core) {
  std::vector<CoreProgram> programs;
  const AddressSpace& space = core.space();
  const Region* entry = space.find(core.notes().auxv.value(AT_ENTRY).value_or(0));
  for (const Region& region : space.regions) {
    if (region.inode == 0 || region.offset != 0 || is_no_program(space.name(region))) continue;
    CoreProgram program;
    program.path = without_deleted(space.name(region));
    program.begin = region.begin;
    program.executable = entry && entry->inode == region.inode;
    look_at_headers(core, region.begin, program);
    programs.push_back(std::move(program));
  }
  return programs;
}

CoreModuleFiles::CoreModuleFiles(const CoreFile& core, std::string executable, MayOpen may_open)
    : ModuleFiles(std::move(may_open)),
      core_(core),
      executable_(std::move(executable)),
      programs_(core_programs(core)) {}

Result<UniqueFd> CoreModuleFiles::open_program(const CoreProgram& program) const {
  const std::string& path = program.executable && !executable_.empty() ? executable_ : program.path;
  if (!may_open(path)) return fail(ErrorCode::kTimeout, path, "opening this file hung before");
  auto fd = open_regular_file(path);
  if (!fd || program.build_id.empty()) return fd;
  std::string on_disk = build_id_of(*fd, path);
  if (on_disk == program.build_id) return fd;
  return fail(ErrorCode::kGone, path,
              fmt::format("another file than the one that ran: its build id is {}, in the core it is {}",
                          on_disk.empty() ? "missing" : on_disk, program.build_id));
}

Result<std::unique_ptr<ElfImage>> CoreModuleFiles::open(const AddressSpace& space, const Region& region,
                                                        std::string& vdso_bytes) {
  const std::string& name = space.name(region);
  if (name == "[vdso]") {
    vdso_bytes.resize(std::min(region.end - region.begin, kLargestVdso));
    if (core_.read(region.begin, vdso_bytes.data(), vdso_bytes.size()) != vdso_bytes.size())
      return fail(ErrorCode::kTruncated, name, "the core does not hold it");
    return ElfImage::from_bytes(vdso_bytes, name);
  }
  if (region.inode == 0) return fail(ErrorCode::kNotFound, name, "no file behind this mapping");
  if (is_no_program(name)) return fail(ErrorCode::kSkipped, name, "devices are not opened");
  std::string path = without_deleted(name);
  auto program =
      std::find_if(programs_.begin(), programs_.end(), [&](const CoreProgram& each) { return each.path == path; });
  auto fd = open_program(program != programs_.end() ? *program : CoreProgram{path, region.begin, false, {}, false});
  if (!fd) return tl::unexpected(fd.error());
  struct stat info;
  if (fstat(fd->get(), &info) != 0) return fail_errno(path, errno);
  return ElfImage::open(std::move(*fd), static_cast<uint64_t>(info.st_size), path);
}

}  // namespace ec
