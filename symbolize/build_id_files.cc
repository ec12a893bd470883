#include "symbolize/build_id_files.h"

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>

#include <algorithm>

namespace ec {

namespace {

constexpr size_t kMostEntries = 4096;

std::shared_ptr<const ElfFile> opened(const std::string& path, Result<UniqueFd> fd) {
  if (!fd) return nullptr;
  auto elf = ElfFile::open(ByteSource(path, std::move(*fd)));
  return elf ? std::make_shared<const ElfFile>(std::move(*elf)) : nullptr;
}

// The path comes from an archive: inside of `directory` it cannot lead elsewhere.
std::shared_ptr<const ElfFile> open_below(const std::string& directory, const std::string& path) {
  UniqueFd root(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  return root ? opened(directory + path, open_regular(root.get(), path)) : nullptr;
}

}  // namespace

bool has_part(const ElfFile& file, ElfPart part) {
  return std::any_of(file.sections().begin(), file.sections().end(), [&](const ElfSection& section) {
    if (section.type == SHT_NOBITS) return false;
    if (part == ElfPart::kCode) return (section.flags & SHF_EXECINSTR) != 0 && section.name == ".text";
    if (part == ElfPart::kDebug && section.type == SHT_SYMTAB) return true;
    return section.name == ".debug_info" || section.name == ".zdebug_info" || section.name == ".debug_line";
  });
}

bool is_build_id(std::string_view text) {
  return text.size() >= 4 && text.size() <= 128 && text.size() % 2 == 0 &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string build_id_path(const std::string& build_id) {
  return "/.build-id/" + build_id.substr(0, 2) + "/" + build_id.substr(2);
}

BuildIdIndex index_of(const std::vector<std::string>& directories) {
  BuildIdIndex index;
  for (const std::string& directory : directories) {
    std::unique_ptr<DIR, int (*)(DIR*)> list(::opendir(directory.c_str()), ::closedir);
    size_t seen = 0;
    for (const dirent* entry; list && seen < kMostEntries && (entry = ::readdir(list.get())); ++seen) {
      std::string path = directory + "/" + entry->d_name;
      auto file = opened(path, open_regular(-1, path));
      if (std::string id = file ? file->build_id() : ""; !id.empty()) index.emplace(std::move(id), std::move(path));
    }
  }
  return index;
}

std::shared_ptr<const ElfFile> find_in_directories(const std::string& build_id, const std::string& module_path,
                                                   ElfPart part, const std::vector<std::string>& directories,
                                                   std::string& refused) {
  if (!is_build_id(build_id)) return nullptr;
  std::string id_path = build_id_path(build_id);
  std::string name = module_path.substr(module_path.rfind('/') + 1);  // npos + 1 == 0
  auto right = [&](const std::shared_ptr<const ElfFile>& file) {
    return file && file->build_id() == build_id && has_part(*file, part);
  };
  for (const std::string& directory : directories) {
    std::vector<std::string> places =
        part == ElfPart::kDebug
            ? std::vector<std::string>{id_path + ".debug", "/usr/lib/debug" + id_path + ".debug",
                                       "/" + build_id + "/debuginfo"}
            : std::vector<std::string>{id_path, "/usr/lib/debug" + id_path, "/" + build_id + "/executable"};
    for (const std::string& place : places)
      if (auto file = opened(directory + place, open_regular(-1, directory + place)); right(file)) return file;
    if (name.empty() || name == "." || name == "..") continue;
    for (const std::string& place : {"/" + name + ".debug", "/" + name}) {
      auto file = opened(directory + place, open_regular(-1, directory + place));
      if (right(file)) return file;
      if (file && file->build_id() != build_id)
        refused += (refused.empty() ? "" : ", ") + directory + place +
                   (file->build_id().empty() ? " has no build id" : " has the build id " + file->build_id());
    }
    if (module_path.starts_with('/'))
      if (auto file = open_below(directory, module_path); right(file)) return file;
  }
  return nullptr;
}

std::shared_ptr<const ElfFile> find_in_index(const std::string& build_id, ElfPart part, const BuildIdIndex& index) {
  auto [at, end] = index.equal_range(build_id);
  for (; at != end; ++at)
    // What it was when the index was made proves nothing now.
    if (auto file = opened(at->second, open_regular(-1, at->second));
        file && file->build_id() == build_id && has_part(*file, part))
      return file;
  return nullptr;
}

}  // namespace ec
