#include "collector/archive/members.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <memory>

#include "collector/archive/frames.h"
#include "collector/base/text.h"
#include "collector/base/unique_fd.h"

namespace ec {

namespace {

constexpr int kDeepestFolder = 32;

struct FreeReader {
  void operator()(archive* a) const { archive_read_free(a); }
};
using Reader = std::unique_ptr<archive, FreeReader>;

// Reads on until something ends it; remembers how much all members together hold.
class MemberReader {
 public:
  explicit MemberReader(Members& members) : members_(members) {}

  // True when the bytes were read to their end.
  bool read(std::string_view bytes) {
    Reader reader = open(bytes);
    why_ = "";
    if (!reader) return false;
    archive* a = reader.get();
    archive_entry* entry = nullptr;
    while (true) {
      int state = archive_read_next_header(a, &entry);
      if (state == ARCHIVE_EOF) return true;
      if (state == ARCHIVE_RETRY) continue;
      if (state == ARCHIVE_FATAL || state == ARCHIVE_FAILED) return stopped(a);
      recognised_ = true;
      if (!member(a, entry)) return false;
    }
  }

  const std::string& why() const { return why_; }
  bool recognised() const { return recognised_; }
  bool over_limit() const { return over_limit_; }

 private:
  Reader open(std::string_view bytes) {
    Reader reader(archive_read_new());
    archive* a = reader.get();
    // Only what ends in libraries: a filter that libarchive does by an external program is never asked for.
    archive_read_support_filter_gzip(a);
    if (archive_read_support_filter_zstd(a) != ARCHIVE_OK) archive_clear_error(a);
    archive_read_support_format_tar(a);
    archive_read_support_format_zip(a);
    if (archive_read_open_memory(a, bytes.data(), bytes.size()) == ARCHIVE_OK) return reader;
    stopped(a);
    return nullptr;
  }

  bool stopped(archive* a) {
    const char* text = archive_error_string(a);
    why_ = text ? printable_line(text) : "unreadable";
    return false;
  }

  bool limit(std::string_view what) {
    why_ = fmt::format("more than {}: the rest is left out", what);
    over_limit_ = true;
    return false;
  }

  bool member(archive* a, archive_entry* entry) {
    const char* given = archive_entry_pathname(entry);
    if (!given) given = archive_entry_pathname_utf8(entry);
    std::string_view name = given ? given : "";
    while (name.starts_with("./")) name.remove_prefix(2);
    if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry)) return true;
    if (!is_safe_name(name)) {
      ++refused_;
      if (members_.damage.empty())
        members_.damage = fmt::format("left out a member with an unsafe name: {}", printable_line(name, 80));
      return true;
    }
    if (members_.list.size() >= kMostMembers) return limit(fmt::format("{} members", kMostMembers));
    ReadMember read{std::string(name), {}, row_of(entry)};
    const void* block = nullptr;
    size_t size = 0;
    la_int64_t offset = 0;
    int state;
    while ((state = archive_read_data_block(a, &block, &size, &offset)) == ARCHIVE_OK || state == ARCHIVE_WARN) {
      // A hole of a sparse member: counted before it is made.
      auto start = static_cast<uint64_t>(offset);
      if (offset < 0 || start < read.bytes.size() || start > kMostBytes || total_ + start + size > kMostBytes)
        return limit(human_bytes(double{kMostBytes}));
      read.bytes.resize(start);
      read.bytes.append(static_cast<const char*>(block), size);
    }
    if (state != ARCHIVE_EOF) {
      stopped(a);
      why_ = fmt::format("{}: {}", name, why_);
      return false;  // a member cut short has no hash to be checked against: left out
    }
    total_ += read.bytes.size();
    members_.list.push_back(std::move(read));
    return true;
  }

  static std::string row_of(archive_entry* entry) {
    const char* name = nullptr;
    const void* value = nullptr;
    size_t size = 0;
    archive_entry_xattr_reset(entry);
    while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK)
      if (name && std::string_view(name) == kRowAttribute)
        return std::string(static_cast<const char*>(value), std::min<size_t>(size, 64 * 1024));
    return {};
  }

  Members& members_;
  std::string why_;
  uint64_t total_ = 0;
  size_t refused_ = 0;
  bool recognised_ = false, over_limit_ = false;
};

void add_damage(Members& members, std::string_view text) {
  if (!members.damage.empty()) members.damage += "; ";
  members.damage += text;
}

// Each frame by itself: a damaged one does not take its neighbours along.
Members by_frames(std::string_view bytes, const std::vector<size_t>& ends) {
  Members members;
  MemberReader reader(members);
  size_t begin = 0, bad = 0;
  std::string first;
  for (size_t end : ends) {
    if (!reader.read(bytes.substr(begin, end - begin)) && ++bad == 1)
      first = fmt::format("bytes {} to {}: {}", begin, end, reader.why());
    if (reader.over_limit()) break;
    begin = end;
  }
  if (bad == 1) add_damage(members, first);
  if (bad > 1) add_damage(members, fmt::format("{}, and {} more frames", first, bad - 1));
  return members;
}

}  // namespace

bool is_safe_name(std::string_view name) {
  if (name.empty() || name.size() > kLongestName || name.starts_with('/') || name.ends_with('/')) return false;
  if (std::any_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
    return false;
  for (std::string_view part : split(name, '/'))
    if (part.empty() || part == "." || part == "..") return false;
  return true;
}

Result<Members> members_of_archive(std::string_view bytes) {
  if (bytes.empty()) return fail(ErrorCode::kMalformed, "", "an empty file: nothing was collected before it ended");
  std::vector<size_t> ends = frame_ends(bytes);
  std::string_view whole = ends.empty() ? bytes : bytes.substr(0, ends.back());
  Members members;
  MemberReader reader(members);
  bool to_the_end = reader.read(whole);
  if (!to_the_end) {
    add_damage(members, reader.why());
    if (ends.size() > 1 && !reader.over_limit()) {
      Members salvaged = by_frames(bytes, ends);
      if (salvaged.list.size() >= members.list.size()) members = std::move(salvaged);
    }
  }
  if (!reader.recognised() && members.list.empty())
    return fail(ErrorCode::kMalformed, "", "neither tar nor zip" + (reader.why().empty() ? "" : ": " + reader.why()));
  if (whole.size() < bytes.size()) {
    // Plain gzip behind our members is not told apart from damage: both are named.
    add_damage(members, fmt::format("cut or damaged from byte {} of {}", whole.size(), bytes.size()));
  }
  if (bytes.starts_with("PK")) {
    std::map<std::string, std::string, std::less<>> rows;
    for (auto& [name, row] : zip_rows(bytes)) rows.insert_or_assign(std::move(name), std::move(row));
    for (ReadMember& member : members.list)
      if (auto row = rows.find(member.name); row != rows.end()) member.row = row->second;
  }
  return members;
}

namespace {

struct Folder {
  void operator()(DIR* directory) const { closedir(directory); }
};

// Links are not followed: an unpacked archive holds none.
void read_folder(UniqueFd fd, const std::string& prefix, int depth, uint64_t& total, Members& members) {
  std::unique_ptr<DIR, Folder> directory(fdopendir(fd.get()));
  if (!directory) return add_damage(members, prefix + ": " + sys_error("", errno).message());
  int at = fd.release();
  while (const dirent* entry = readdir(directory.get())) {
    std::string name = prefix + entry->d_name;
    if (std::string_view(entry->d_name) == "." || std::string_view(entry->d_name) == "..") continue;
    UniqueFd child(openat(at, entry->d_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    struct stat about {};
    if (!child || fstat(child.get(), &about) != 0) {
      if (errno != ELOOP) add_damage(members, sys_error(name, errno).message());
      continue;
    }
    if (S_ISDIR(about.st_mode) && depth < kDeepestFolder) {
      read_folder(std::move(child), name + '/', depth + 1, total, members);
      continue;
    }
    if (!S_ISREG(about.st_mode) || !is_safe_name(name)) continue;
    if (members.list.size() >= kMostMembers || total + static_cast<uint64_t>(about.st_size) > kMostBytes)
      return add_damage(members, "more than can be read: the rest is left out");
    ReadMember member{name, std::string(static_cast<size_t>(about.st_size), '\0'), {}};
    size_t have = 0;
    ssize_t got;
    while (have < member.bytes.size() &&
           (got = read(child.get(), member.bytes.data() + have, member.bytes.size() - have)) > 0)
      have += static_cast<size_t>(got);
    member.bytes.resize(have);
    total += have;
    members.list.push_back(std::move(member));
  }
}

}  // namespace

Result<Members> members_of_folder(const std::string& folder) {
  UniqueFd fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail_errno(folder, errno);
  Members members;
  uint64_t total = 0;
  read_folder(std::move(fd), "", 0, total, members);
  std::sort(members.list.begin(), members.list.end(),
            [](const ReadMember& a, const ReadMember& b) { return a.name < b.name; });
  return members;
}

}  // namespace ec
