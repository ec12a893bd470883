#include "collector/collectors/debuginfod.h"

#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>

#include "collector/base/helper_process.h"
#include "collector/base/text.h"
#include "collector/base/write_file.h"
#include "collector/collectors/endpoint_url.h"
#include "collector/collectors/http_client.h"

namespace ec {

namespace {

bool make_directories(const std::string& path) {
  for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    std::string part = path.substr(0, slash);
    if (mkdir(part.c_str(), 0700) != 0 && errno != EEXIST && errno != EROFS && errno != EACCES) return false;
    if (slash == std::string::npos) break;
  }
  struct stat about {};
  return stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode);
}

bool is_file_of(const std::string& path, const std::string& build_id) {
  auto fd = open_regular(-1, path);
  auto elf = fd ? ElfFile::open(ByteSource(path, std::move(*fd))) : Result<ElfFile>(tl::unexpected<Error>(fd.error()));
  return elf && elf->build_id() == build_id;
}

std::optional<Error> must_be_elf(std::string_view first_bytes) {
  if (first_bytes.starts_with("\x7f"
                              "ELF"))
    return std::nullopt;
  return Error{ErrorCode::kMalformed, "", "no ELF file", 0};
}

class Fetcher {
 public:
  explicit Fetcher(const DebuginfodRequest& request) : request_(request) {}

  // Path in the cache. `kind`: "debuginfo" or "executable". Empty: `reason` says why.
  std::string fetch(const std::string& build_id, const std::string& kind, std::string& reason) const {
    std::string folder = request_.cache + "/" + build_id, path = folder + "/" + kind;
    if (is_file_of(path, build_id)) return path;
    for (const std::string& text : request_.urls) {
      auto url = parse_endpoint_url(text);
      if (!url) continue;  // checked with the command line
      if (!reason.empty()) reason += "; ";
      auto answer = ask(*url, build_id, kind);
      if (!answer) {
        reason += fmt::format("{}: {}", url->text(), printable_line(answer.error().message(), 300));
      } else if (!make_directories(folder)) {
        reason += folder + ": cannot be made";
      } else if (auto stored = store_file(path, *answer); !stored) {
        reason += stored.error().message();
      } else {
        return path;
      }
    }
    return {};
  }

 private:
  Result<std::string> ask(const EndpointUrl& url, const std::string& build_id, const std::string& kind) const {
    // A server may unpack a whole package before its first byte.
    HttpLimits limits{milliseconds(10'000), milliseconds(120'000), milliseconds(30'000),
                      milliseconds(request_.deadline.remaining_ms()), request_.most_bytes};
    std::string prefix = url.path;
    while (prefix.ends_with('/')) prefix.pop_back();
    std::string path = fmt::format("{}/buildid/{}/{}", prefix, build_id, kind);
    auto answer = http_get(url.address, path, limits, must_be_elf);
    if (!answer) return tl::unexpected(answer.error());
    if (answer->status != 200)
      return fail(answer->status == 404 ? ErrorCode::kNotFound : ErrorCode::kIo, kind,
                  fmt::format("{} {}", answer->status, answer->reason) +
                      (answer->location.empty() ? "" : " to " + answer->location));
    if (answer->broken) return tl::unexpected(*answer->broken);
    auto elf = ElfFile::open(ByteSource(kind, answer->body));
    if (!elf) return tl::unexpected<Error>(elf.error());
    if (std::string its_id = elf->build_id(); its_id != build_id)
      return fail(ErrorCode::kMalformed, kind, its_id.empty() ? "has no build id" : "has the build id " + its_id);
    return std::move(answer->body);
  }

  const DebuginfodRequest& request_;
};

std::shared_ptr<const ElfFile> open_file(const std::string& path) {
  auto fd = open_regular(-1, path);
  auto elf = fd ? ElfFile::open(ByteSource(path, std::move(*fd))) : Result<ElfFile>(tl::unexpected<Error>(fd.error()));
  return elf ? std::make_shared<const ElfFile>(std::move(*elf)) : nullptr;
}

// The file with lines that is here already.
std::shared_ptr<const ElfFile> local_lines(const DebuginfodModule& module, const DebugPlaces& places) {
  std::string ignored;
  auto file = find_module(module.build_id, module.path, places, ignored);
  if (!file || has_part(*file, ElfPart::kLines)) return file;
  auto debug = find_debug_file(*file, file->source().name(), places, ignored);
  return debug && has_part(*debug, ElfPart::kLines) ? debug : nullptr;
}

// One frame per answer: build id, newline, path or "", newline, reason.
void fetch_one(const DebuginfodModule& module, const Fetcher& fetcher, const DebugPlaces& places, FrameWriter& out) {
  auto answer = [&](const std::string& build_id, const std::string& path, const std::string& reason) {
    out.frame(build_id + "\n" + path + "\n" + reason);
    out.flush();
  };
  auto lines = local_lines(module, places);
  if (!lines) {
    std::string reason;
    std::string path = fetcher.fetch(module.build_id, "debuginfo", reason);
    if (!path.empty()) lines = open_file(path);
    if (path.empty()) path = fetcher.fetch(module.build_id, "executable", reason);
    answer(module.build_id, path, reason);
  }
  std::string alt = lines ? alt_build_id(*lines) : "";
  if (!is_build_id(alt) || find_alt_file(*lines, places)) return;
  std::string reason, path = fetcher.fetch(alt, "debuginfo", reason);
  answer(alt, path, reason);
}

void take_answer(std::string_view bytes, DebugPlaces& places, std::map<std::string, std::string>& reasons) {
  size_t first = bytes.find('\n');
  size_t second = first == std::string_view::npos ? first : bytes.find('\n', first + 1);
  if (second == std::string_view::npos) return;
  std::string build_id(bytes.substr(0, first)), path(bytes.substr(first + 1, second - first - 1));
  if (path.empty())
    reasons[build_id] = bytes.substr(second + 1);
  else
    places.known.emplace(std::move(build_id), std::move(path));
}

}  // namespace

std::string debuginfod_cache() {
  auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value && *value == '/' ? value : "");
  };
  if (std::string path = variable("DEBUGINFOD_CACHE_PATH"); !path.empty()) return path;
  if (std::string path = variable("XDG_CACHE_HOME"); !path.empty()) return path + "/debuginfod_client";
  if (std::string path = variable("HOME"); !path.empty()) return path + "/.cache/debuginfod_client";
  return {};
}

std::map<std::string, std::string> fetch_missing(const std::vector<DebuginfodModule>& modules,
                                                 const DebuginfodRequest& request, DebugPlaces& places) {
  std::map<std::string, std::string> reasons;
  auto explain = [&](const std::string& why) {
    for (const DebuginfodModule& module : modules)
      if (!places.known.contains(module.build_id)) reasons.emplace(module.build_id, why);
  };
  if (request.cache.empty()) {
    explain("no cache directory: none of DEBUGINFOD_CACHE_PATH, XDG_CACHE_HOME and HOME is set");
    return reasons;
  }
  auto helper = HelperProcess::start([&](FrameWriter& out) {
    Fetcher fetcher(request);
    for (const DebuginfodModule& module : modules)
      if (is_build_id(module.build_id) && !request.deadline.passed()) fetch_one(module, fetcher, places, out);
  });
  if (!helper) {
    explain(helper.error().message());
    return reasons;
  }
  std::string bytes;
  for (auto status = helper->poll_frame(bytes); status != HelperProcess::Status::kEnded;
       status = helper->poll_frame(bytes)) {
    if (status == HelperProcess::Status::kFrame) {
      take_answer(bytes, places, reasons);
      continue;
    }
    // A look-up of a host's name has no deadline of its own.
    if (request.deadline.passed()) {
      explain("the time was used up");
      return reasons;
    }
    pollfd waiting{helper->fd(), POLLIN, 0};
    poll(&waiting, 1, request.deadline.remaining_ms());
  }
  return reasons;
}

}  // namespace ec
