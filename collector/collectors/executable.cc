// The pure half: raw/executable.bundle to Snapshot::executable.
#include "collector/collectors/executable.h"

#include <linux/magic.h>

#include <map>

#include "collector/base/text.h"
#include "collector/collectors/known_programs.h"
#include "symbolize/go_buildinfo.h"

namespace ec {

namespace {

constexpr std::string_view kDeletedMark = " (deleted)";

using Sections = std::map<std::string_view, const Section*, std::less<>>;

// "" when it is missing or failed.
std::string_view text_of(const Sections& sections, std::string_view name) {
  auto found = sections.find(name);
  return found == sections.end() || found->second->failed ? std::string_view{} : found->second->bytes;
}

// Device and inode from "MAJOR:MINOR INODE …".
struct FileId {
  std::string_view device;
  uint64_t inode = 0;
  bool operator==(const FileId&) const = default;
};
std::optional<FileId> file_id(std::string_view text) {
  FieldCursor fields(text);
  auto device = fields.word();
  auto inode = fields.number<uint64_t>();
  if (!device || !inode) return std::nullopt;
  return FileId{*device, *inode};
}

void apply_elf(std::string_view text, Executable& executable) {
  LineCursor lines("exe/elf", text);
  while (auto line = lines.next()) {
    size_t space = line->find(' ');
    if (space == std::string_view::npos) continue;
    std::string_view key = line->substr(0, space), value = line->substr(space + 1);
    bool yes = value == "yes";
    if (key == "build_id")
      executable.build_id = value;
    else if (key == "interpreter")
      executable.interpreter = printable_line(value);
    else if (key == "stripped")
      executable.stripped = yes;
    else if (key == "position_independent")
      executable.position_independent = yes;
    else if (key == "static_linked")
      executable.static_linked = yes;
  }
}

void apply_disk(const Sections& sections, Executable& executable) {
  bool unlinked = text_of(sections, "exe/link").ends_with(kDeletedMark);
  auto running = file_id(text_of(sections, "exe/stat")), disk = file_id(text_of(sections, "exe/disk"));
  if (running && disk) {
    executable.replaced = !(*running == *disk);
    return;
  }
  auto section = sections.find("exe/disk");
  bool gone = section != sections.end() && section->second->failed && section->second->error.sys_errno == ENOENT;
  // Without the kernel's mark a path that is not there only means that we cannot see it from here.
  executable.deleted = unlinked && (gone || !disk);
}

void apply_libraries(std::string_view text, Executable& executable, std::vector<std::string>& libraries) {
  LineCursor lines("libraries", text);
  while (auto line = lines.next()) {
    auto library = parse_library_line(*line);
    if (!library) continue;
    if (library->changed()) executable.changed_libraries.push_back(printable_line(library->path));
    libraries.push_back(std::move(library->path));
  }
}

void apply_package(const Sections& sections, Executable& executable, ProgramFacts& facts) {
  if (auto package = parse_dpkg_stanza("dpkg/stanza", text_of(sections, "dpkg/stanza"))) {
    executable.package = printable_line(package->package + " " + package->version);
    facts.package = std::move(*package);
    return;
  }
  if (auto owner = sections.find("dpkg/owner"); owner != sections.end()) {
    if (owner->second->failed)
      executable.package_reason = owner->second->error.detail;
    else if (auto name = parse_dpkg_list_name(trim(owner->second->bytes)))
      executable.package = name->package;
    return;
  }
  std::string_view database = trim(text_of(sections, "package_database"));
  executable.package_reason = database.empty() ? "no package database in the target's root"
                                               : fmt::format("package database not read: {}", printable_line(database));
}

void apply_go(const Sections& sections, Executable& executable, ProgramFacts& facts) {
  std::string_view version = trim(text_of(sections, "exe/go_version"));
  if (version.empty()) return;
  GoBuildInfo info = parse_go_modules(version, text_of(sections, "exe/go_modules"));
  facts.go_version = printable_line(info.version, 60);
  executable.go_version = facts.go_version;
  executable.go_module = printable_line(info.module.empty() ? info.path : info.module);
  for (const auto& [key, value] : info.settings)
    executable.go_settings[printable_line(key, 100)] = printable_line(value);
  // "(devel)" is what a build outside of a module release has.
  if (info.module_version.starts_with('v'))
    executable.product = printable_line(info.path.substr(info.path.rfind('/') + 1) + " " + info.module_version);
}

}  // namespace

bool MappedLibrary::changed() const {
  if (deleted) return true;
  return problem == 0 && mapped_inode != disk_inode && file_system != OVERLAYFS_SUPER_MAGIC;
}

std::string library_line(const MappedLibrary& library) {
  std::string disk = library.problem != 0
                         ? fmt::format("errno {}", library.problem)
                         : fmt::format("{:x}:{:x} {}", library.disk_major, library.disk_minor, library.disk_inode);
  return fmt::format("{:x}:{:x} {} {} {} {:x} {}\n", library.mapped_major, library.mapped_minor, library.mapped_inode,
                     library.deleted ? "deleted" : "linked", disk, library.file_system, library.path);
}

std::optional<MappedLibrary> parse_library_line(std::string_view line) {
  FieldCursor fields(line);
  MappedLibrary library;
  auto device = [](std::optional<std::string_view> word, uint64_t& major, uint64_t& minor) {
    if (!word) return false;
    size_t colon = word->find(':');
    if (colon == std::string_view::npos) return false;
    auto first = parse_number<uint64_t>(word->substr(0, colon), 16),
         second = parse_number<uint64_t>(word->substr(colon + 1), 16);
    if (!first || !second) return false;
    major = *first;
    minor = *second;
    return true;
  };
  if (!device(fields.word(), library.mapped_major, library.mapped_minor)) return std::nullopt;
  auto mapped = fields.number<uint64_t>();
  auto state = fields.word(), disk = fields.word();
  auto number = fields.number<uint64_t>();
  auto file_system = fields.number<uint64_t>(16);
  if (!mapped || !state || !disk || !number || !file_system || (*state != "linked" && *state != "deleted"))
    return std::nullopt;
  library.mapped_inode = *mapped;
  library.deleted = *state == "deleted";
  library.file_system = *file_system;
  if (*disk == "errno")
    library.problem = static_cast<int>(std::min<uint64_t>(*number, 4095));
  else if (device(disk, library.disk_major, library.disk_minor))
    library.disk_inode = *number;
  else
    return std::nullopt;
  std::string_view path = fields.rest();
  if (path.starts_with(' ')) path.remove_prefix(1);
  if (path.empty()) return std::nullopt;
  library.path = path;
  return library;
}

std::string path_in_root(std::string_view exe_link, std::string_view root_link) {
  if (exe_link.ends_with(kDeletedMark)) exe_link.remove_suffix(kDeletedMark.size());
  if (root_link.size() > 1 && exe_link.starts_with(root_link) && exe_link.substr(root_link.size()).starts_with('/'))
    exe_link.remove_prefix(root_link.size());
  return std::string(exe_link);
}

void parse_executable(const RawStore& store, Snapshot& snapshot) {
  auto bytes = store.read(kExecutableBundle);
  if (!bytes) {
    snapshot.executable = bytes.error();
    return;
  }
  std::vector<Section> list = parse_bundle(*bytes);
  Sections sections;
  for (const Section& section : list) sections[section.name] = &section;
  auto link = sections.find("exe/link");
  if (link == sections.end()) {
    snapshot.executable =
        Error{ErrorCode::kTruncated, std::string(kExecutableBundle), "expected a section exe/link", 0};
    return;
  }
  if (link->second->failed) {
    snapshot.executable = link->second->error;
    return;
  }
  Executable executable;
  ProgramFacts facts;
  facts.path = path_in_root(link->second->bytes, text_of(sections, "exe/root"));
  executable.path = printable_line(facts.path, 4096);
  apply_elf(text_of(sections, "exe/elf"), executable);
  apply_disk(sections, executable);
  apply_libraries(text_of(sections, "libraries"), executable, facts.libraries);
  apply_package(sections, executable, facts);
  apply_go(sections, executable, facts);
  facts.comment = text_of(sections, "exe/comment");
  facts.java_release = text_of(sections, "jvm/release");
  LineCursor lines("exe/version_strings", text_of(sections, "exe/version_strings"));
  while (auto line = lines.next()) {
    std::vector<std::string_view> fields = split(*line, '\t');
    if (fields.size() == 3) facts.texts.emplace_back(fields[2]);
  }
  executable.language = printable_line(language_of(facts), 100);
  if (executable.product.empty()) executable.product = printable_line(product_of(facts), 100);
  snapshot.executable = std::move(executable);
}

}  // namespace ec
