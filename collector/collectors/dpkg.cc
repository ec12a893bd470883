#include "collector/collectors/dpkg.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <utility>

#include "collector/base/text.h"

namespace ec {

namespace {

constexpr std::string_view kListEnding = ".list";

size_t find_in(std::string_view text, std::string_view what, size_t from = 0) {
  if (from > text.size()) return std::string_view::npos;
  const void* at = ::memmem(text.data() + from, text.size() - from, what.data(), what.size());
  return at == nullptr ? std::string_view::npos : static_cast<size_t>(static_cast<const char*>(at) - text.data());
}

// Words of a path that may stand in a package's name: "postgresql", "postgres"; not "usr", "lib", "15".
std::vector<std::string_view> words_of(std::string_view path) {
  constexpr std::string_view kCommon[]{"usr", "bin", "sbin", "lib", "lib64", "libexec", "local", "linux", "gnu", "opt"};
  std::vector<std::string_view> words;
  while (!path.empty() && words.size() < 32) {
    size_t end = path.find_first_of("/-_");
    std::string_view word = path.substr(0, end);
    if (word.size() >= 3 && std::find(std::begin(kCommon), std::end(kCommon), word) == std::end(kCommon))
      words.push_back(word);
    if (end == std::string_view::npos) break;
    path.remove_prefix(end + 1);
  }
  return words;
}

}  // namespace

std::vector<std::string> dpkg_path_forms(std::string_view path) {
  std::vector<std::string> forms{std::string(path)};
  if (path.starts_with("/usr/"))
    forms.emplace_back(path.substr(4));
  else if (path.starts_with("/"))
    forms.push_back("/usr" + std::string(path));
  return forms;
}

bool dpkg_list_has(std::string_view list, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    if (path.empty()) continue;
    for (size_t at = find_in(list, path); at != std::string_view::npos; at = find_in(list, path, at + path.size())) {
      size_t end = at + path.size();
      if ((at == 0 || list[at - 1] == '\n') && (end == list.size() || list[end] == '\n')) return true;
    }
  }
  return false;
}

void dpkg_sort_by_hint(std::vector<std::string>& list_names, std::string_view path) {
  std::vector<std::string_view> words = words_of(path);
  std::string_view file = path.substr(path.rfind('/') + 1);
  std::vector<std::pair<size_t, std::string>> scored;
  scored.reserve(list_names.size());
  for (std::string& name : list_names) {
    size_t score = !file.empty() && name.starts_with(file) ? 2 : 0;
    for (std::string_view word : words)
      if (name.find(word) != std::string::npos) ++score;
    scored.emplace_back(score, std::move(name));
  }
  std::stable_sort(scored.begin(), scored.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  for (size_t i = 0; i < scored.size(); ++i) list_names[i] = std::move(scored[i].second);
}

Result<DpkgName> parse_dpkg_list_name(std::string_view name) {
  std::string_view whole = name;
  if (name.ends_with(kListEnding)) name.remove_suffix(kListEnding.size());
  size_t colon = name.find(':');
  DpkgName parsed{std::string(name.substr(0, colon)), {}};
  if (colon != std::string_view::npos) parsed.architecture = name.substr(colon + 1);
  bool sound = !parsed.package.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) || std::strchr("+-.:", c) != nullptr;
  });
  if (!sound || whole.find('\0') != std::string_view::npos)
    return fail(ErrorCode::kMalformed, "dpkg/owner", "expected PACKAGE[:ARCH].list");
  return parsed;
}

std::string_view dpkg_stanza(std::string_view status, const DpkgName& name) {
  std::string line = "Package: " + name.package + "\n";
  std::string architecture = "\nArchitecture: " + name.architecture + "\n";
  for (size_t at = find_in(status, line); at != std::string_view::npos; at = find_in(status, line, at + line.size())) {
    if (at != 0 && status[at - 1] != '\n') continue;
    size_t end = find_in(status, "\n\n", at);
    std::string_view stanza = status.substr(at, end == std::string_view::npos ? end : end + 1 - at);
    if (name.architecture.empty() || find_in(stanza, architecture) != std::string_view::npos) return stanza;
  }
  return {};
}

std::string DpkgPackage::upstream_version() const {
  std::string upstream = version;
  if (size_t colon = upstream.find(':'); colon != std::string::npos) upstream.erase(0, colon + 1);
  if (size_t dash = upstream.rfind('-'); dash != std::string::npos) upstream.resize(dash);
  return upstream;
}

Result<DpkgPackage> parse_dpkg_stanza(std::string_view where, std::string_view stanza) {
  DpkgPackage package;
  LineCursor lines(where, stanza);
  while (auto line = lines.next()) {
    if (line->empty()) break;
    if ((*line)[0] == ' ' || (*line)[0] == '\t') continue;  // goes on from the line before
    size_t colon = line->find(':');
    if (colon == std::string_view::npos) return tl::unexpected<Error>(lines.expected("'Field: value'"));
    std::string_view key = line->substr(0, colon), value = trim(line->substr(colon + 1));
    if (key == "Package")
      package.package = value;
    else if (key == "Version")
      package.version = value;
    else if (key == "Architecture")
      package.architecture = value;
    else if (key == "Status")
      package.status = value;
  }
  if (package.package.empty() || package.version.empty())
    return fail(ErrorCode::kMalformed, std::string(where), "expected Package and Version");
  return package;
}

}  // namespace ec
