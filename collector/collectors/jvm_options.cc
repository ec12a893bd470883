#include "collector/collectors/jvm_options.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace ec {

namespace {

// Their value is the next argument.
constexpr std::array<std::string_view, 17> kWithValue{"-cp",
                                                      "-classpath",
                                                      "--class-path",
                                                      "-p",
                                                      "--module-path",
                                                      "--upgrade-module-path",
                                                      "--add-modules",
                                                      "--add-reads",
                                                      "--add-exports",
                                                      "--add-opens",
                                                      "--limit-modules",
                                                      "--patch-module",
                                                      "--source",
                                                      "-d",
                                                      "-jar",
                                                      "--describe-module",
                                                      "--enable-native-access"};

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

bool takes_value(std::string_view option) {
  return std::find(kWithValue.begin(), kWithValue.end(), option) != kWithValue.end();
}

// How many of them the launcher looks at: up to the main class.
size_t launcher_arguments(const std::vector<std::string>& arguments) {
  for (size_t i = 1; i < arguments.size(); ++i) {
    const std::string& each = arguments[i];
    if (each == "-jar" || each == "-m" || each == "--module") return i;
    if (takes_value(each))
      ++i;
    else if (!each.starts_with("-") && !each.starts_with("@"))
      return i;
  }
  return arguments.size();
}

}  // namespace

std::vector<std::string> jvm_option_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool open = false;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (quote != 0) {
      if (c == quote)
        quote = 0;
      else
        word += c;
    } else if (c == '"' || c == '\'') {
      quote = c;
      open = true;
    } else if (c == '#' && !open) {
      i = std::min(text.find('\n', i), text.size());
    } else if (is_space(c)) {
      if (open) words.push_back(std::move(word));
      word.clear();
      open = false;
    } else {
      word += c;
      open = true;
    }
  }
  if (open) words.push_back(std::move(word));
  return words;
}

JvmOptions jvm_options(const std::vector<std::string>& arguments, const std::map<std::string, std::string>& environment,
                       const std::function<Result<std::string>(const std::string&)>& read) {
  JvmOptions options;
  auto add_file = [&](const std::string& file) {
    auto text = read(file);
    if (!text) return options.unread.push_back(file);
    for (std::string& word : jvm_option_words(*text)) options.words.push_back(std::move(word));
  };
  size_t for_launcher = launcher_arguments(arguments);
  for (size_t i = 1; i < arguments.size(); ++i) {
    options.words.push_back(arguments[i]);
    if (i < for_launcher && arguments[i].starts_with("@") && !arguments[i].starts_with("@@"))
      add_file(arguments[i].substr(1));
  }
  for (const char* name : {"JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS"}) {
    auto found = environment.find(name);
    if (found == environment.end()) continue;
    for (std::string& word : jvm_option_words(found->second)) {
      if (word.starts_with("@") && !word.starts_with("@@")) add_file(word.substr(1));
      options.words.push_back(std::move(word));
    }
  }
  constexpr std::string_view kFile = "-XX:VMOptionsFile=", kFlags = "-XX:Flags=";
  for (size_t i = 0, count = options.words.size(); i < count; ++i) {
    std::string word = options.words[i];  // a copy: the list grows
    if (word.starts_with(kFile)) add_file(word.substr(kFile.size()));
    if (word.starts_with(kFlags)) options.unread.push_back(word.substr(kFlags.size()));  // of another form
  }
  return options;
}

}  // namespace ec
