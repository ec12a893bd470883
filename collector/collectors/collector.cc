#include "collector/collectors/collector.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "collector/base/unique_fd.h"
#include "collector/target/privileges.h"

namespace ec {

std::string raw_path(Reading reading, std::string_view path) {
  switch (reading) {
    case Reading::kFirst:
      return fmt::format("raw/{}", path);
    case Reading::kSecond:
      return fmt::format("raw/second/{}", path);
    case Reading::kLast:
      return fmt::format("raw/last/{}", path);
  }
  return {};
}

Reading latest_reading(const RawStore& store, std::string_view path) {
  for (Reading reading : {Reading::kLast, Reading::kSecond})
    if (store.read(raw_path(reading, path))) return reading;
  return Reading::kFirst;
}

double interval_seconds(const RawStore& store, std::string_view path) {
  const ArtifactRow* first = store.row(raw_path(Reading::kFirst, path));
  const ArtifactRow* latest = store.row(raw_path(latest_reading(store, path), path));
  if (!first || !latest || first == latest) return 0;
  return (latest->at_ms - first->at_ms) / 1000;
}

bool Sink::file(std::string_view artifact_path, const std::string& file, Redact redact, size_t limit) {
  if (hung_before(file)) return false;
  auto bytes = read_file(file, limit);
  if (bytes) {
    artifact(artifact_path, file, *bytes, redact);
    return true;
  }
  failed(artifact_path, file, bytes.error(), fix_for(bytes.error(), file));
  return false;
}

Result<std::string> read_file(const std::string& file, size_t limit) {
  UniqueFd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return fail_errno(file, errno);
  std::string bytes;
  // Most files of /proc fit into a page; the buffer grows with what is really there.
  size_t chunk = 4096;
  while (bytes.size() <= limit) {
    size_t before = bytes.size();
    bytes.resize(before + chunk);
    ssize_t got = read(fd.get(), bytes.data() + before, chunk);
    bytes.resize(before + static_cast<size_t>(got > 0 ? got : 0));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(file, errno);
    if (got == 0) return bytes;
    chunk = std::min<size_t>(chunk * 2, 256 * 1024);
  }
  return fail(ErrorCode::kTruncated, file, fmt::format("larger than the limit of {} bytes", limit));
}

Result<std::string> read_link(const std::string& link) {
  std::array<char, 4096> buffer{};
  ssize_t length = readlink(link.c_str(), buffer.data(), buffer.size());
  if (length < 0) return fail_errno(link, errno);
  return std::string(buffer.data(), static_cast<size_t>(length));
}

std::string fix_for(const Error& error, std::string_view source) {
  if (error.code == ErrorCode::kNoSpace) return "write the archive elsewhere: -o PATH";
  if (error.code != ErrorCode::kDenied) return {};
  static const OwnPrivileges kOwn = own_privileges();
  if (source.ends_with("/stack") || source.find("map_files") != std::string_view::npos)
    return fix_for_refusal(kOwn, {"CAP_SYS_ADMIN"});
  if (source.find("kmsg") != std::string_view::npos) return fix_for_refusal(kOwn, {"CAP_SYSLOG"});
  return fix_for_refusal(kOwn, {"CAP_SYS_PTRACE"}, true);
}

}  // namespace ec
