// The half that touches the system. Everything is read through /proc/PID/task/TID/{exe,maps,root} of a live thread, so
// that a target in another mount namespace, in a chroot, or with a zombie leader is read as it sees itself.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <set>

#include "collector/base/text.h"
#include "collector/collectors/dpkg.h"
#include "collector/collectors/executable.h"
#include "collector/collectors/known_programs.h"
#include "collector/proc/maps.h"
#include "symbolize/elf_identity.h"
#include "symbolize/go_buildinfo.h"

namespace ec {

namespace {

constexpr uint64_t kSearchedBytes = 64u << 20;  // of read-only data, per file
constexpr size_t kMostTexts = 16;
constexpr size_t kMostRuntimeLibraries = 4;
constexpr size_t kMostLibraries = 4096;
constexpr uint64_t kMostStatusBytes = 32u << 20;
constexpr size_t kMostListBytes = 8u << 20;
constexpr size_t kMostListFiles = 20'000;
constexpr milliseconds kOwnerBudget{400};
constexpr size_t kMapsLimit = 64u << 20;

class Gathering {
 public:
  explicit Gathering(GatherContext& context)
      : context_(context),
        out_(context.out),
        base_(fmt::format("/proc/{}/task/{}", context.target->pid, context.target->live_tid)) {}
  void run();

 private:
  // False when this is what hung before, or time is up: then the caller leaves it out.
  bool may_touch(const std::string& what) {
    if (out_.hung_before(what) || context_.deadline.passed()) return false;
    out_.touch(what, true);
    return true;
  }
  void put(std::string_view name, std::string_view bytes) { out_.section(kExecutableBundle, name, bytes); }
  void put_failed(std::string_view name, const Error& error) { out_.failed_section(kExecutableBundle, name, error); }

  void links();
  void file_on_disk();
  void image();
  void elf_facts(const ElfFile& elf);
  void version_texts(const ElfFile& elf, const std::string& path);
  void mapped_files();
  MappedLibrary look_at(const MapsEntry& entry);
  void runtime_library(const std::string& path);
  void java_release(const std::string& libjvm);
  void package();
  bool dpkg_owner();
  std::optional<std::string> owning_list(int folder, std::vector<std::string> names);

  GatherContext& context_;
  Sink& out_;
  std::string base_;
  UniqueFd root_;
  std::string path_;  // of the executable, in the target's root
  std::string texts_;
};

std::string stat_text(const struct stat& status) {
  return fmt::format("{:x}:{:x} {} {} {} {}\n", major(status.st_dev), minor(status.st_dev), status.st_ino,
                     status.st_size, status.st_nlink, status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec);
}

void Gathering::links() {
  auto link = read_link(base_ + "/exe");
  if (!link) {
    Error error = link.error();
    if (context_.target->kernel_thread)
      error = {ErrorCode::kUnsupported, error.where, "a kernel thread has no executable", 0};
    else if (error.sys_errno == ENOENT)
      error.detail = "no executable any more: the process is ending";
    return put_failed("exe/link", error);
  }
  put("exe/link", *link);
  auto root_link = read_link(base_ + "/root");
  if (root_link) put("exe/root", *root_link);
  path_ = path_in_root(*link, root_link.value_or("/"));
  root_.reset(::open((base_ + "/root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

void Gathering::file_on_disk() {
  std::string running = base_ + "/exe";
  struct stat status {};
  if (may_touch(running + " (stat)")) {
    if (::stat(running.c_str(), &status) == 0)
      put("exe/stat", stat_text(status));
    else
      put_failed("exe/stat", sys_error(running, errno, "stat failed"));
  }
  if (!root_ || !path_.starts_with('/') || path_.starts_with("/memfd:")) return;
  if (!may_touch(path_ + " (on disk)")) return;
  auto there = open_inside(root_.get(), path_, O_PATH);
  if (!there) return put_failed("exe/disk", there.error());
  if (::fstat(there->get(), &status) == 0)
    put("exe/disk", stat_text(status));
  else
    put_failed("exe/disk", sys_error(path_, errno, "fstat failed"));
}

void Gathering::image() {
  std::string running = base_ + "/exe";
  if (!may_touch(running))
    return put_failed("exe/elf", {ErrorCode::kTimeout, running, "reading the executable hung", 0});
  auto fd = open_regular(-1, running);
  auto elf = fd ? ElfFile::open(ByteSource(path_, std::move(*fd))) : Result<ElfFile>(tl::unexpected<Error>(fd.error()));
  if (!elf) return put_failed("exe/elf", elf.error());
  elf_facts(*elf);
  version_texts(*elf, path_);
}

void Gathering::elf_facts(const ElfFile& elf) {
  ElfIdentity identity = elf_identity(elf);
  auto yes = [](bool value) { return value ? "yes" : "no"; };
  put("exe/elf", fmt::format("build_id {}\ninterpreter {}\nmachine {}\nclass {}\nstripped {}\ndebug_info {}\n"
                             "position_independent {}\nstatic_linked {}\n",
                             identity.build_id, printable_line(identity.interpreter), identity.machine,
                             identity.is_64_bit ? 64 : 32, yes(identity.stripped), yes(identity.has_debug_info),
                             yes(identity.position_independent), yes(identity.static_linked)));
  if (const ElfSection* comment = elf.section(".comment"))
    if (auto text = elf.contents(*comment, 64 * 1024)) {
      std::replace(text->begin(), text->end(), '\0', '\n');
      put("exe/comment", printable_utf8(text->substr(0, 4096)));
    }
  auto go = go_buildinfo(elf);
  if (go) {
    put("exe/go_version", printable_utf8(go->version));
    put("exe/go_modules", printable_utf8(go->modules));
  } else if (go.error().code != ErrorCode::kNotFound) {
    put_failed("exe/go_version", go.error());
  }
}

void Gathering::version_texts(const ElfFile& elf, const std::string& path) {
  std::vector<std::string> owned = version_needles(path);
  if (owned.empty()) return;
  std::vector<std::string_view> needles(owned.begin(), owned.end());
  for (const FoundText& found : find_text(elf, needles, kSearchedBytes, kMostTexts)) {
    std::string text = found.text;
    std::replace(text.begin(), text.end(), '\t', ' ');
    texts_ += fmt::format("0x{:x}\t{}\t{}\n", found.offset, printable_line(path), text);
  }
}

MappedLibrary Gathering::look_at(const MapsEntry& entry) {
  MappedLibrary library;
  library.mapped_major = entry.device_major;
  library.mapped_minor = entry.device_minor;
  library.mapped_inode = entry.inode;
  library.deleted = entry.deleted;
  library.path = entry.name;
  auto there = open_inside(root_.get(), entry.name, O_PATH);
  struct stat status {};
  if (!there || ::fstat(there->get(), &status) != 0) {
    library.problem = there ? errno : there.error().sys_errno;
    return library;
  }
  library.disk_major = major(status.st_dev);
  library.disk_minor = minor(status.st_dev);
  library.disk_inode = status.st_ino;
  struct statfs file_system {};
  if (library.disk_inode != library.mapped_inode && ::fstatfs(there->get(), &file_system) == 0)
    library.file_system = static_cast<uint64_t>(file_system.f_type);
  return library;
}

void Gathering::mapped_files() {
  auto maps = read_file(base_ + "/maps", kMapsLimit);
  if (!maps) return put_failed("libraries", maps.error());
  std::set<std::string> seen{path_};
  std::set<std::pair<uint32_t, uint32_t>> hung_devices;
  std::vector<std::string> runtimes;
  std::string lines, libjvm;
  LineCursor cursor("maps", *maps);
  MapsEntry entry;
  while (auto line = cursor.next()) {
    // An executable mapping of a file; parsing the others would only cost time.
    size_t mode = line->find(' ');
    if (mode == std::string_view::npos || mode + 3 >= line->size() || (*line)[mode + 3] != 'x') continue;
    if (!parse_maps_line(*line, entry) || !entry.name.starts_with('/') || entry.inode == 0) continue;
    if (entry.name.starts_with("/memfd:") || entry.name.starts_with("/dev/") || entry.name.starts_with("/SYSV"))
      continue;
    if (entry.name.find('\n') != std::string::npos) continue;
    if (seen.size() > kMostLibraries || context_.deadline.passed()) break;
    if (!seen.insert(entry.name).second) continue;
    std::pair device{entry.device_major, entry.device_minor};
    if (out_.hung_before(entry.name)) hung_devices.insert(device);
    if (root_ && !hung_devices.contains(device)) {
      out_.touch(entry.name, true);
      lines += library_line(look_at(entry));
    }
    if (entry.name.ends_with("/libjvm.so") && libjvm.empty())
      libjvm = entry.name;
    else if (is_runtime_library(entry.name) && runtimes.size() < kMostRuntimeLibraries)
      runtimes.push_back(entry.name);
  }
  put("libraries", lines);
  if (!root_) return;
  for (const std::string& path : runtimes) runtime_library(path);
  if (!libjvm.empty()) java_release(libjvm);
}

void Gathering::runtime_library(const std::string& path) {
  if (version_needles(path).empty() || !may_touch(path + " (text)")) return;
  auto fd = open_regular(root_.get(), path);
  if (!fd) return;
  if (auto elf = ElfFile::open(ByteSource(path, std::move(*fd)))) version_texts(*elf, path);
}

// lib/server/libjvm.so, and lib/amd64/server/libjvm.so before Java 9: "release" is beside "lib".
void Gathering::java_release(const std::string& libjvm) {
  std::string folder = libjvm;
  for (int level = 0; level < 5 && folder.rfind('/') != std::string::npos; ++level) {
    folder.resize(folder.rfind('/'));
    if (level < 2) continue;
    std::string file = folder + "/release";
    if (!may_touch(file)) return;
    auto fd = open_regular(root_.get(), file);
    if (!fd) continue;
    ByteSource source(file, std::move(*fd));
    std::string text;
    if (source.read_some(0, 16 * 1024, text)) put("jvm/release", printable_utf8(text));
    return;
  }
}

// Reads list files, likely ones first, until one names the executable.
std::optional<std::string> Gathering::owning_list(int folder, std::vector<std::string> names) {
  std::vector<std::string> forms = dpkg_path_forms(path_);
  dpkg_sort_by_hint(names, path_);
  Deadline deadline = context_.deadline.earlier_of(Deadline::in(kOwnerBudget));
  std::string bytes;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i % 16 == 0 && i > 0 && deadline.passed()) {
      put_failed("dpkg/owner",
                 {ErrorCode::kTimeout, path_, fmt::format("{} of {} package lists read", i, names.size()), 0});
      return std::nullopt;
    }
    UniqueFd fd(::openat(folder, names[i].c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
    if (!fd) continue;
    ByteSource list(names[i], std::move(fd));
    if (list.read_some(0, kMostListBytes, bytes) && dpkg_list_has(bytes, forms)) return names[i];
  }
  put_failed("dpkg/owner", {ErrorCode::kNotFound, path_, "no dpkg package has this file", 0});
  return std::nullopt;
}

bool Gathering::dpkg_owner() {
  auto folder = open_inside(root_.get(), "/var/lib/dpkg/info", O_RDONLY | O_DIRECTORY);
  if (!folder) return false;
  put("package_database", "dpkg\n");
  std::vector<std::string> names;
  int own = ::fcntl(folder->get(), F_DUPFD_CLOEXEC, 3);
  std::unique_ptr<DIR, int (*)(DIR*)> stream(own >= 0 ? ::fdopendir(own) : nullptr, ::closedir);
  while (dirent* item = stream ? ::readdir(stream.get()) : nullptr) {
    std::string_view name = item->d_name;
    if (name.ends_with(".list") && names.size() < kMostListFiles) names.emplace_back(name);
  }
  auto owner = owning_list(folder->get(), std::move(names));
  if (!owner) return true;
  put("dpkg/owner", *owner + "\n");
  auto name = parse_dpkg_list_name(*owner);
  auto status = open_regular(root_.get(), "/var/lib/dpkg/status");
  if (!name || !status) return true;
  ByteSource source("/var/lib/dpkg/status", std::move(*status));
  std::string bytes;
  if (source.read_some(0, kMostStatusBytes, bytes))
    if (std::string_view stanza = dpkg_stanza(bytes, *name); !stanza.empty())
      put("dpkg/stanza", stanza.substr(0, 8192));
  return true;
}

void Gathering::package() {
  if (!root_ || !path_.starts_with('/') || !may_touch("/var/lib/dpkg")) return;
  if (dpkg_owner()) return;
  for (auto [file, word] :
       {std::pair{"/lib/apk/db/installed", "apk\n"}, std::pair{"/var/lib/rpm/rpmdb.sqlite", "rpm\n"},
        std::pair{"/usr/lib/sysimage/rpm/rpmdb.sqlite", "rpm\n"}, std::pair{"/var/lib/rpm/Packages", "rpm\n"}})
    if (open_inside(root_.get(), file, O_PATH)) return put("package_database", word);
}

void Gathering::run() {
  links();
  if (path_.empty()) return;
  file_on_disk();
  mapped_files();
  image();
  put("exe/version_strings", texts_);
  package();
}

}  // namespace

void gather_executable(GatherContext& context) {
  if (context.target == nullptr) return;
  Gathering(context).run();
}

}  // namespace ec
