// Secrets in the arguments of a command.
#include <algorithm>
#include <array>
#include <utility>

#include "collector/archive/redact_rules.h"

namespace ec::redaction {

namespace {

constexpr auto npos = std::string_view::npos;

// Short options whose value is a password. A program is named by the start of its name.
struct ShortOption {
  std::string_view program;
  char letter;
};
constexpr std::array<ShortOption, 25> kPasswordOptions{{
    {"mysql", 'p'},      {"mariadb", 'p'},    {"mycli", 'p'},   {"sshpass", 'p'},       {"mongo", 'p'},
    {"7z", 'p'},         {"7za", 'p'},        {"cqlsh", 'p'},   {"rabbitmqadmin", 'p'}, {"redis-cli", 'a'},
    {"valkey-cli", 'a'}, {"mosquitto_", 'P'}, {"sqlcmd", 'P'},  {"bcp", 'P'},           {"tsql", 'P'},
    {"isql", 'P'},       {"zip", 'P'},        {"unzip", 'P'},   {"ldap", 'w'},          {"kinit", 'w'},
    {"rar", 'p'},        {"unrar", 'p'},      {"openssl", 'K'}, {"ipmitool", 'P'},      {"innobackupex", 'p'},
}};

// Programs whose -p is a port, a PID, a path or a switch.
constexpr std::array<std::string_view, 52> kOtherMeaningOfP{
    "ssh",      "sftp",      "ps",        "mkdir",    "cp",
    "tar",      "psql",      "pg_",       "createdb", "dropdb",
    "vacuumdb", "reindexdb", "postgres",  "nc",       "ncat",
    "kill",     "perf",      "strace",    "ltrace",   "gdb",
    "lsof",     "rsync",     "install",   "nginx",    "python",
    "pytest",   "node",      "bash",      "sh",       "go",
    "make",     "patch",     "pkill",     "taskset",  "renice",
    "chrt",     "ionice",    "prlimit",   "pidstat",  "top",
    "htop",     "pmap",      "cargo",     "npm",      "redis-",
    "nmap",     "iptables",  "ip6tables", "tcpdump",  "emergency-collect",
    "java",     "lsns"};

// Headers that say what is wanted, not who wants it.
bool is_harmless_header(std::string_view name) {
  constexpr std::array<std::string_view, 16> kNames{
      "accept",         "accept-encoding", "accept-language", "cache-control", "connection",        "content-encoding",
      "content-length", "content-type",    "expect",          "host",          "if-modified-since", "if-none-match",
      "origin",         "range",           "referer",         "user-agent"};
  std::string lower(name);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return std::find(kNames.begin(), kNames.end(), lower) != kNames.end();
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view base_name(std::string_view path) {
  size_t slash = path.rfind('/');
  return slash == npos ? path : path.substr(slash + 1);
}

bool has_password_option(std::string_view program, char letter) {
  return std::any_of(kPasswordOptions.begin(), kPasswordOptions.end(), [&](const ShortOption& option) {
    return option.letter == letter && program.starts_with(option.program);
  });
}

bool is_known_program(std::string_view name) {
  return std::any_of(kPasswordOptions.begin(), kPasswordOptions.end(),
                     [&](const ShortOption& option) { return name.starts_with(option.program); });
}

// What runs a script or class: options behind that belong to it, not to the interpreter.
bool is_interpreter(std::string_view name) {
  for (std::string_view one : {"python", "pypy", "node", "java", "bash", "sh", "dash", "zsh", "ruby", "perl", "php",
                               "go", "deno", "bun", "npm", "npx", "uwsgi"})
    if (name.starts_with(one)) return true;
  return false;
}

// "5432", "8080:80", "127.0.0.1:80:80/tcp", "22-80", "/run/x": not a password.
bool looks_like_port_or_path(std::string_view value) {
  return value.find('/') != npos || std::all_of(value.begin(), value.end(), [](char c) {
           return is_digit(c) || c == ':' || c == '.' || c == '-' || c == ',';
         });
}

void hide_user_password(std::string_view argument, size_t begin, std::vector<Span>& found) {
  std::string_view value = argument.substr(begin);
  size_t colon = value.find_first_of(":%");
  if (colon == npos || value.find("://") == colon) return find_in_text(argument, found);
  std::string_view user = value.substr(0, colon), password = value.substr(colon + 1);
  // docker run -u 1000:1000
  if (std::all_of(user.begin(), user.end(), is_digit) && std::all_of(password.begin(), password.end(), is_digit))
    return;
  if (!is_harmless_value(password)) found.push_back({begin + colon + 1, argument.size()});
}

}  // namespace

void ArgumentRules::next(std::string_view argument, std::vector<Span>& found) {
  if (first_) {
    first_ = false;
    program_ = base_name(argument.substr(0, argument.find(' ')));
    interpreter_ = is_interpreter(program_);
    return find_in_text(argument, found);
  }
  if (argument.empty()) return;
  if (expect_ != Expect::kNothing && expected_value(argument, found)) return;
  if (argument.size() >= 2 && argument[0] == '-' && argument[1] != '-' && short_option(argument, found)) return;
  if (argument[0] != '-' && (interpreter_ || is_known_program(base_name(argument)))) {  // sudo mysql …, python svc.py …
    program_ = base_name(argument);
    interpreter_ = is_interpreter(program_);
  }
  option(argument, found);
}

// True when the argument was the value of the option before it.
bool ArgumentRules::expected_value(std::string_view argument, std::vector<Span>& found) {
  Expect expected = std::exchange(expect_, Expect::kNothing);
  bool next_option = argument[0] == '-' && (argument.starts_with("--") ? argument.size() > 2 : argument.size() == 2);
  switch (expected) {
    case Expect::kNothing:
      return false;
    case Expect::kSecret:
      if (next_option) return false;
      if (!is_secret_value(expected_kind_, argument))
        find_in_text(argument, found);
      else if (expected_kind_ == KeyKind::kAuthorization)
        hide_authorization(argument, found);
      else
        found.push_back({0, argument.size()});
      return true;
    case Expect::kPasswordUnlessPort:
      if (next_option || looks_like_port_or_path(argument)) return false;
      if (!is_harmless_value(argument)) found.push_back({0, argument.size()});
      return true;
    case Expect::kUserAndPassword:
      hide_user_password(argument, 0, found);
      return true;
    case Expect::kHeader: {
      size_t colon = argument.find(':');
      size_t begin = colon == npos ? npos : argument.find_first_not_of(" \t", colon + 1);
      std::string_view name = argument.substr(0, colon);
      // Who is let in by a header of his own ("X-Team: 7f3a") is nobody else's business.
      if (begin != npos && !is_harmless_header(name) && key_kind(name) != KeyKind::kAuthorization &&
          !is_harmless_value(argument.substr(begin)))
        found.push_back({begin, argument.size()});
      else
        find_in_text(argument, found);
      return true;
    }
  }
  return false;
}

// "Bearer x" and "Basic x" keep their first word.
void ArgumentRules::hide_authorization(std::string_view argument, std::vector<Span>& found) {
  size_t space = argument.find(' ');
  size_t begin = space == npos ? 0 : argument.find_first_not_of(' ', space);
  found.push_back({begin == npos ? 0 : begin, argument.size()});
}

// True when the argument is done with.
bool ArgumentRules::short_option(std::string_view argument, std::vector<Span>& found) {
  char letter = argument[1];
  std::string_view attached = argument.substr(2);
  if (has_password_option(program_, letter)) {
    if (attached.empty()) {
      expect_ = Expect::kSecret;
      expected_kind_ = KeyKind::kSecret;
    } else if (!is_harmless_value(attached) && key_kind(argument.substr(0, argument.find('='))) == KeyKind::kPlain) {
      found.push_back({2, argument.size()});
    } else {
      return false;
    }
    return true;
  }
  if (letter == 'H' && attached.empty())
    expect_ = Expect::kHeader;
  else if ((letter == 'u' || letter == 'U') && attached.empty())
    expect_ = Expect::kUserAndPassword;
  else if (letter == 'p' && attached.empty()) {
    bool other = std::any_of(kOtherMeaningOfP.begin(), kOtherMeaningOfP.end(),
                             [&](std::string_view name) { return std::string_view(program_).starts_with(name); });
    if (!other) expect_ = Expect::kPasswordUnlessPort;
  } else if ((letter == 'u' || letter == 'U') && attached.find('=') == npos && attached.find(':') != npos) {
    hide_user_password(argument, 2, found);
  } else {
    return false;
  }
  return true;
}

void ArgumentRules::option(std::string_view argument, std::vector<Span>& found) {
  size_t equals = argument.find('=');
  if (equals == npos) {
    if (argument[0] == '-' && argument.find_first_of(" :\n") == npos) {
      if (argument == "--header" || argument == "--headers")
        expect_ = Expect::kHeader;
      else if (argument == "--user" || argument == "--proxy-user")
        expect_ = Expect::kUserAndPassword;
      else if (argument.starts_with("--no-") || argument.starts_with("--ask"))
        return;
      else if (KeyKind kind = key_kind(argument); kind != KeyKind::kPlain) {
        expect_ = Expect::kSecret;
        expected_kind_ = kind;
        return;
      }
    }
    return find_in_text(argument, found);
  }
  if (argument.starts_with("--user=") || argument.starts_with("--proxy-user="))
    return hide_user_password(argument, equals + 1, found);
  // name=value, --name=value, --env=NAME=value: all of the argument behind the first secret name. Text with spaces and
  // URLs have ends of values within.
  for (size_t at = equals; at != npos; at = argument.find('=', at + 1)) {
    std::string_view before = argument.substr(0, at);
    if (before.find_first_of(" \t\n?") != npos || before.find("://") != npos || before.size() > 512) break;
    size_t name = before.find_last_of("=,;:/");
    KeyKind kind = key_kind(before.substr(name == npos ? 0 : name + 1));
    std::string_view value = argument.substr(at + 1);
    if (kind == KeyKind::kPlain || kind == KeyKind::kAuthorization || !is_secret_value(kind, value)) continue;
    // key=value;key=value in one argument: the text rules know where each ends.
    if (name != npos && before[name] != '=') break;
    if (before.ends_with("PWD") && value.starts_with("/")) continue;
    return found.push_back({at + 1, argument.size()});
  }
  find_in_text(argument, found);
}

}  // namespace ec::redaction
