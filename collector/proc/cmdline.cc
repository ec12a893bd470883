#include "collector/proc/cmdline.h"

namespace ec {

namespace {

template <class Visit>
void each_string(std::string_view bytes, Visit visit) {
  while (!bytes.empty()) {
    size_t end = bytes.find('\0');
    visit(bytes.substr(0, end));
    if (end == std::string_view::npos) return;
    bytes.remove_prefix(end + 1);
  }
}

}  // namespace

std::vector<std::string> parse_cmdline(std::string_view bytes) {
  std::vector<std::string> arguments;
  size_t strings = 0, last_full = 0;
  each_string(bytes, [&](std::string_view text) {
    ++strings;
    if (!text.empty()) last_full = strings;
  });
  // One empty argument at the end can be meant ("grep ''"); many are a title's filling.
  size_t keep = strings - last_full > 1 ? last_full : strings;
  each_string(bytes, [&](std::string_view text) {
    if (arguments.size() < keep) arguments.emplace_back(text);
  });
  // nginx and others pad a title with blanks.
  if (arguments.size() == 1) {
    size_t end = arguments[0].find_last_not_of(' ');
    arguments[0].resize(end == std::string::npos ? 0 : end + 1);
  }
  return arguments;
}

std::map<std::string, std::string> parse_environ(std::string_view bytes) {
  std::map<std::string, std::string> variables;
  each_string(bytes, [&](std::string_view text) {
    if (text.empty()) return;
    size_t equals = text.find('=');
    std::string_view value = equals == std::string_view::npos ? std::string_view{} : text.substr(equals + 1);
    variables.try_emplace(std::string(text.substr(0, equals)), value);
  });
  return variables;
}

}  // namespace ec
