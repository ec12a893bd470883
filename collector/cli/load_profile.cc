#include "collector/cli/load_profile.h"

#include <fcntl.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "collector/archive/reader.h"
#include "collector/base/open_below.h"
#include "collector/base/text.h"
#include "collector/profile/any_profile.h"
#include "collector/profile/gzip.h"
#include "symbolize/profile_symbols.h"

namespace ec {

namespace {

constexpr std::string_view kFolder = "profiles/";
constexpr std::string_view kEnding = ".pb.gz";

bool exists(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0;
}

bool is_directory(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

// zip, zstd, or tar inside gzip: a profile may be packed with gzip as well.
bool is_archive(std::string_view bytes) {
  if (bytes.starts_with("PK\x03\x04") || bytes.starts_with("\x28\xb5\x2f\xfd")) return true;
  constexpr size_t kMagicAt = 257, kHeader = 512;
  std::string unpacked;
  if (looks_gzipped(bytes)) {
    unpacked = unpack_gzip("", bytes.substr(0, 64 * 1024), kHeader).content;
    bytes = unpacked;
  }
  return bytes.size() > kMagicAt && bytes.substr(kMagicAt).starts_with("ustar");
}

std::string_view without_ending(std::string_view path) {
  size_t slash = path.rfind('/') + 1;  // npos + 1 == 0
  return path.substr(0, path.find('.', slash));
}

// "heap" and "127.0.0.1_6060/heap" end "profiles/127.0.0.1_6060/heap.pb.gz".
bool ends_path(std::string_view path, std::string_view name) {
  auto ends = [&](std::string_view whole) {
    return whole.ends_with(name) && (whole.size() == name.size() || whole[whole.size() - name.size() - 1] == '/');
  };
  return ends(path) || ends(without_ending(path));
}

// Of a shell: `curl … | profile top -`, `profile diff <(…) <(…)`.
bool is_pipe(const std::string& source) {
  struct stat status {};
  bool of_shell = source.starts_with("/dev/fd/") || source == "/dev/stdin";
  return of_shell && stat(source.c_str(), &status) == 0 && S_ISFIFO(status.st_mode);
}

Result<std::string> read_source(const std::string& source) {
  constexpr size_t kMost = kMostUnpackedPprof + 1;
  if (source == "-") {
    if (isatty(STDIN_FILENO) == 1) return fail(ErrorCode::kUsage, source, "standard input is a terminal");
    return read_open(STDIN_FILENO, "standard input", kMost);
  }
  if (!is_pipe(source)) return read_below("", source, kMost);
  auto pipe = open_below("", source, O_RDONLY);
  if (!pipe) return tl::unexpected(pipe.error());
  return read_open(pipe->get(), source, kMost);
}

Result<ProfileBytes> in_archive(const std::string& path, std::string_view name) {
  auto archive = open_archive(path);
  if (!archive) return tl::unexpected(archive.error());
  std::vector<std::string> all = archive->store.list(kFolder), fitting;
  for (const std::string& one : all)
    if (ends_path(one, name) || name.empty()) fitting.push_back(one);
  auto packed = [](const std::string& one) { return one.ends_with(kEnding); };
  if (std::any_of(fitting.begin(), fitting.end(), packed))
    std::erase_if(fitting, [&](auto& one) { return !packed(one); });
  if (fitting.size() != 1) {
    const auto& listed = fitting.empty() ? all : fitting;
    std::string why = all.empty()       ? "the archive holds no profile"
                      : fitting.empty() ? fmt::format("no profile '{}'; there are ", printable_line(name, 100))
                      : name.empty()    ? "which profile? Add one after a colon: "
                                        : fmt::format("'{}' fits several: ", printable_line(name, 100));
    return fail(ErrorCode::kUsage, path, why + printable_line(fmt::to_string(fmt::join(listed, ", ")), 2000));
  }
  auto bytes = archive->store.read(fitting[0]);
  if (!bytes) return tl::unexpected(bytes.error());
  return ProfileBytes{path + ":" + fitting[0], std::string(*bytes), true};
}

}  // namespace

Result<ProfileBytes> find_profile(const std::string& source) {
  size_t colon = source.rfind(':');
  while (!exists(source) && colon != std::string::npos && colon > 0 && !exists(source.substr(0, colon)))
    colon = source.rfind(':', colon - 1);  // NAME may have colons itself
  if (!exists(source) && colon != std::string::npos && colon > 0)
    return in_archive(source.substr(0, colon), std::string_view(source).substr(colon + 1));
  if (is_directory(source)) {
    if (is_directory(source + "/" + std::string(kFolder))) return in_archive(source, "");
    return fail(ErrorCode::kMalformed, source, "a folder without profiles/, expected a profile or an archive");
  }
  auto bytes = read_source(source);
  if (!bytes) return tl::unexpected(bytes.error());
  if (bytes->size() > kMostUnpackedPprof)
    return fail(ErrorCode::kUnsupported, source, "larger than " + human_bytes(kMostUnpackedPprof));
  if (is_archive(*bytes)) {
    if (!exists(source) || is_pipe(source))
      return fail(ErrorCode::kUnsupported, source == "-" ? "standard input" : source, "an archive is read from a file");
    return in_archive(source, "");
  }
  return ProfileBytes{source == "-" ? "standard input" : source, std::move(*bytes)};
}

Result<LoadedProfile> load_profile(const std::string& source, const std::vector<std::string>& debug_directories) {
  auto found = find_profile(source);
  if (!found) return tl::unexpected(found.error());
  auto profile = parse_profile(found->where, std::move(found->bytes));
  if (!profile) return tl::unexpected(profile.error());
  LoadedProfile loaded{std::move(profile->owned), {}};
  DebugPlaces places{-1, debug_directories};
  places.split_files = !found->in_archive;
  ProfileSymbols symbols = add_symbols(loaded.owned, places, !found->in_archive);
  if (!symbols.by_path.empty())
    loaded.notes.push_back(fmt::format("{}: it has no build ids: names come from files of the same paths here, as {}",
                                       found->where, symbols.by_path[0]));
  if (symbols.named == symbols.without_names) return loaded;
  for (const std::string& problem : symbols.problems) loaded.notes.push_back("no names of " + problem);
  return loaded;
}

}  // namespace ec
