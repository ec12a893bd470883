#include "collector/report/runbook.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "collector/base/text.h"
#include "collector/base/unique_fd.h"
#include "collector/report/embedded_text.h"

namespace ec {

namespace {

constexpr size_t kPageLimit = 1 << 20, kCommandLimit = 64, kFolderLimit = 10'000;

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= 80 && text.front() != '-' && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

// A value may stand in quotes, because YAML wants them where it has ": " or " #" in it.
std::string_view unquoted(std::string_view value) {
  if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front())
    return value.substr(1, value.size() - 2);
  return value;
}

struct Key {
  std::string_view name, value;
};
std::optional<Key> key_of(std::string_view line) {
  auto colon = line.find(':');
  if (colon == std::string_view::npos || line.front() == ' ' || line.front() == '-') return std::nullopt;
  return Key{trim(line.substr(0, colon)), unquoted(trim(line.substr(colon + 1)))};
}

Result<void> set(Runbook& runbook, const Key& key, const LineCursor& lines) {
  auto text = [&](std::string& field) -> Result<void> {
    if (key.value.empty()) return tl::unexpected(lines.expected(fmt::format("a value for '{}'", key.name)));
    field = printable_line(key.value, 200);
    return {};
  };
  if (key.name == "id") {
    if (!is_id(key.value)) return tl::unexpected(lines.expected("an id of lower-case letters, digits and '-'"));
    return text(runbook.id);
  }
  if (key.name == "title") return text(runbook.title);
  if (key.name == "severity") {
    for (std::string_view word : {"critical", "high", "medium", "low", "info"})
      if (key.value == word) return text(runbook.severity);
    return tl::unexpected(lines.expected("severity critical, high, medium, low or info"));
  }
  return {};  // keys of an organisation's own: owner, links …
}

}  // namespace

Result<Runbook> parse_runbook(std::string_view where, std::string_view text) {
  LineCursor lines(where, text);
  auto first = lines.next();
  if (!first || trim(*first) != "---") return tl::unexpected(lines.expected("front matter that begins with '---'"));
  Runbook runbook;
  bool closed = false, in_commands = false;
  while (auto line = lines.next()) {
    std::string_view bare = trim(*line);
    if (bare == "---") {
      closed = true;
      break;
    }
    if (bare.empty() || bare.front() == '#') continue;
    if (in_commands && bare.starts_with("- ")) {
      std::string_view command = unquoted(trim(bare.substr(2)));
      if (command.empty()) return tl::unexpected(lines.expected("a command after '-'"));
      if (runbook.commands.size() < kCommandLimit) runbook.commands.push_back(printable_line(command, 300));
      continue;
    }
    auto key = key_of(*line);
    if (!key) {
      if (!in_commands && (bare.front() == '-' || line->front() == ' '))
        continue;  // the value of a key that is not ours
      return tl::unexpected(lines.expected(in_commands ? "'- command' or 'key: value'" : "'key: value'"));
    }
    in_commands = key->name == "commands";
    if (in_commands && !key->value.empty() && key->value != "[]")
      return tl::unexpected(lines.expected("commands one per line, each after '- '"));
    if (auto done = set(runbook, *key, lines); !done) return tl::unexpected(done.error());
  }
  if (!closed) return tl::unexpected(lines.expected("front matter that ends with '---'"));
  if (runbook.id.empty()) return tl::unexpected(lines.expected("'id:' in the front matter above"));
  if (runbook.title.empty()) return tl::unexpected(lines.expected("'title:' in the front matter above"));
  runbook.text = text;
  runbook.origin = where;
  return runbook;
}

namespace {

Result<std::string> read_page(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return fail_errno(path, errno);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return fail_errno(path, errno);
  if (!S_ISREG(status.st_mode)) return fail(ErrorCode::kUsage, path, "a runbook must be a regular file");
  std::string text;
  char buffer[16384];
  for (;;) {
    ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(path, errno);
    if (got == 0) return text;
    text.append(buffer, static_cast<size_t>(got));
    if (text.size() > kPageLimit) return fail(ErrorCode::kTruncated, path, "a runbook of more than 1 MiB");
  }
}

Result<std::vector<std::string>> pages_of(const std::string& folder) {
  std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(folder.c_str()), ::closedir);
  if (!stream) return fail_errno(folder, errno, "runbook folder");
  std::vector<std::string> names;
  while (dirent* entry = ::readdir(stream.get())) {
    std::string_view name = entry->d_name;
    if (name.ends_with(".md") && name.front() != '.' && name != "README.md" && names.size() < kFolderLimit)
      names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

Result<RunbookShelf> RunbookShelf::open(const std::vector<std::string>& folders) {
  RunbookShelf shelf;
  auto put = [&](Runbook runbook) {
    if (!shelf.find(runbook.id)) shelf.runbooks_.push_back(std::move(runbook));
  };
  for (auto& folder : folders) {
    auto names = pages_of(folder);
    if (!names) return tl::unexpected(names.error());
    for (auto& name : *names) {
      std::string path = folder + "/" + name;
      auto text = read_page(path);
      if (!text) return tl::unexpected(text.error());
      auto runbook = parse_runbook(path, *text);
      if (!runbook) return tl::unexpected(runbook.error());
      put(std::move(*runbook));
    }
  }
  for (auto& page : builtin_runbooks()) {
    auto runbook = parse_runbook(page.file, page.text);
    if (!runbook) return tl::unexpected(runbook.error());
    runbook->origin = "built-in";
    put(std::move(*runbook));
  }
  std::sort(shelf.runbooks_.begin(), shelf.runbooks_.end(),
            [](const Runbook& a, const Runbook& b) { return a.id < b.id; });
  return shelf;
}

const Runbook* RunbookShelf::find(std::string_view id) const {
  for (auto& runbook : runbooks_)
    if (runbook.id == id) return &runbook;
  return nullptr;
}

}  // namespace ec
