#include "collector/collectors/known_programs.h"

#include <algorithm>
#include <array>

#include "collector/base/text.h"

namespace ec {

namespace {

struct Program {
  std::string_view file;  // the file's name, or its beginning when a digit, '.', '-' or '_' follows
  std::string_view product;
  std::string_view needle;  // "" = the version is not in the file in a form that can be told apart
};

constexpr std::array kPrograms{
    Program{"nginx", "nginx", "nginx/"},
    Program{"postgres", "PostgreSQL", "PostgreSQL "},
    Program{"redis-server", "Redis", ""},
    Program{"redis-sentinel", "Redis", ""},
    Program{"redis-check-rdb", "Redis", ""},
    Program{"valkey-server", "Valkey", ""},
    Program{"mariadbd", "MariaDB", ""},
    Program{"mysqld", "MySQL", ""},
    Program{"haproxy", "HAProxy", "HAProxy version "},
    Program{"envoy", "Envoy", ""},
    Program{"apache2", "Apache httpd", "Apache/"},
    Program{"httpd", "Apache httpd", "Apache/"},
    Program{"lighttpd", "lighttpd", "lighttpd/"},
    Program{"memcached", "memcached", "memcached "},
    Program{"mongod", "MongoDB", ""},
    Program{"mongos", "MongoDB", ""},
    Program{"clickhouse", "ClickHouse", ""},
    Program{"squid", "Squid", "squid/"},
    Program{"varnishd", "Varnish", ""},
    Program{"named", "BIND", ""},
    Program{"unbound", "Unbound", "unbound "},
    Program{"dnsmasq", "dnsmasq", "dnsmasq-"},
    Program{"sshd", "OpenSSH", "OpenSSH_"},
    Program{"php-fpm", "PHP-FPM", "PHP/"},
    Program{"pgbouncer", "PgBouncer", "PgBouncer "},
    Program{"slapd", "OpenLDAP", ""},
    Program{"mosquitto", "Mosquitto", ""},
};

struct Runtime {
  std::string_view language;
  std::string_view file;       // of the interpreter, as above
  std::string_view loaded_as;  // mapped library's name starts so
  std::string_view needle;     // "" = by the file's own name or path
};

constexpr std::array kRuntimes{
    Runtime{"JVM", "", "libjvm.so", ""},
    Runtime{"Node", "node", "libnode.so", "node.js/v"},
    Runtime{"CPython", "python", "libpython", ""},
    Runtime{".NET", "", "libcoreclr.so", ""},
    Runtime{"Ruby", "ruby", "libruby", "ruby "},
    Runtime{"PHP", "php", "libphp", "PHP/"},
    Runtime{"Perl", "perl", "libperl.so", "share/perl/"},
    Runtime{"Erlang/OTP", "beam", "", ""},
    Runtime{"Mono", "mono", "libmonosgen", ""},
    Runtime{"R", "", "libR.so", ""},
};

std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool names(std::string_view known, std::string_view file) {
  if (known.empty() || !file.starts_with(known)) return false;
  return file.size() == known.size() || is_digit(file[known.size()]) ||
         std::string_view("._-").find(file[known.size()]) != std::string_view::npos;
}

const Program* program_of(std::string_view path) {
  for (const Program& program : kPrograms)
    if (names(program.file, file_name(path))) return &program;
  return nullptr;
}

// "3.11" of "python3.11", "libpython3.11.so.1.0" and "libpython3.6m.so.1.0"; "" when there is none.
std::string digits_after(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return {};
  text.remove_prefix(prefix.size());
  size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  std::string digits(text.substr(0, end));
  while (digits.ends_with('.')) digits.pop_back();
  return digits;
}

std::string python_series(std::string_view path) {
  std::string series = digits_after(file_name(path), "python");
  if (series.empty()) series = digits_after(file_name(path), "libpython");
  return series.find('.') == std::string::npos ? std::string{} : series;
}

// The version at the start of `text`: "15.18" of "15.18 (Debian …)", "1.22.1" of "1.22.1</center>".
std::string version_at_start(std::string_view text) {
  constexpr std::string_view kAllowed = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.+~-";
  std::string version(text.substr(0, std::min<size_t>(text.find_first_not_of(kAllowed), 60)));
  while (!version.empty() && std::string_view(".+~-").find(version.back()) != std::string_view::npos)
    version.pop_back();
  bool sound = !version.empty() && is_digit(version[0]) && version.find('.') != std::string::npos;
  return sound ? version : std::string{};
}

std::string version_after(const std::vector<std::string>& texts, std::string_view needle) {
  if (needle.empty()) return {};
  for (const std::string& text : texts)
    if (text.starts_with(needle))
      if (std::string version = version_at_start(std::string_view(text).substr(needle.size())); !version.empty())
        return version;
  return {};
}

// What follows `marker` in a path: "8.0.1" after "/Microsoft.NETCore.App/", "13.1.5" after "/erts-".
std::string version_in_path(std::string_view path, std::string_view marker) {
  size_t at = path.find(marker);
  if (at == std::string_view::npos) return {};
  std::string_view rest = path.substr(at + marker.size());
  return version_at_start(rest.substr(0, rest.find('/')));
}

// JAVA_VERSION="17.0.15"
std::string java_version(std::string_view release) {
  LineCursor lines("release", release);
  while (auto line = lines.next()) {
    constexpr std::string_view kKey = "JAVA_VERSION=";
    if (!line->starts_with(kKey)) continue;
    std::string_view value = trim(line->substr(kKey.size()));
    if (value.starts_with('"')) value.remove_prefix(1);
    return version_at_start(value.substr(0, value.find('"')));
  }
  return {};
}

std::string runtime_version(const Runtime& runtime, const ProgramFacts& facts, std::string_view carrier) {
  if (runtime.language == "JVM") return java_version(facts.java_release);
  if (runtime.language == ".NET") return version_in_path(carrier, "/Microsoft.NETCore.App/");
  if (runtime.language == "Erlang/OTP") {
    std::string version = version_in_path(carrier, "/erts-");
    return version.empty() ? version : "(ERTS " + version + ")";
  }
  if (runtime.language == "CPython") {
    std::string series = python_series(carrier);
    for (const std::string& text : facts.texts)  // PY_VERSION stands by itself: "3.11.2", "3.13.0rc1"
      if (!series.empty() && text.starts_with(series + ".") && text.size() > series.size() + 1 && text.size() < 16 &&
          is_digit(text[series.size() + 1]) && version_at_start(text) == text)
        return text;
    return series;
  }
  std::string version = version_after(facts.texts, runtime.needle);
  return version.empty() ? digits_after(file_name(carrier), runtime.file) : version;
}

}  // namespace

std::vector<std::string> version_needles(std::string_view path) {
  std::vector<std::string> needles;
  auto add = [&](std::string needle) {
    if (!needle.empty() && std::find(needles.begin(), needles.end(), needle) == needles.end())
      needles.push_back(std::move(needle));
  };
  if (const Program* program = program_of(path)) add(std::string(program->needle));
  for (const Runtime& runtime : kRuntimes)
    if (names(runtime.file, file_name(path)) ||
        (!runtime.loaded_as.empty() && file_name(path).starts_with(runtime.loaded_as)))
      add(std::string(runtime.needle));
  if (std::string series = python_series(path); !series.empty()) add(series + ".");
  return needles;
}

bool is_runtime_library(std::string_view path) {
  return std::any_of(kRuntimes.begin(), kRuntimes.end(), [&](const Runtime& runtime) {
    return !runtime.loaded_as.empty() && file_name(path).starts_with(runtime.loaded_as);
  });
}

std::string language_of(const ProgramFacts& facts) {
  if (!facts.go_version.empty()) return "Go " + facts.go_version;
  auto with_version = [&](const Runtime& runtime, std::string_view carrier) {
    std::string version = runtime_version(runtime, facts, carrier);
    return version.empty() ? std::string(runtime.language) : fmt::format("{} {}", runtime.language, version);
  };
  for (const Runtime& runtime : kRuntimes)
    if (names(runtime.file, file_name(facts.path))) {
      // Debian's python3.11 is static; others have the code, and the text, in a library.
      return with_version(runtime, facts.path);
    }
  // A server that can load an interpreter as a module (PostgreSQL and plperl) is still a C program.
  const Program* program = program_of(facts.path);
  if (program == nullptr || program->product == "Apache httpd")
    for (const Runtime& runtime : kRuntimes)
      for (const std::string& library : facts.libraries)
        if (!runtime.loaded_as.empty() && file_name(library).starts_with(runtime.loaded_as))
          return with_version(runtime, library);
  constexpr std::string_view kRustc = "rustc version ";
  if (size_t at = facts.comment.find(kRustc); at != std::string::npos) {
    std::string version = version_at_start(std::string_view(facts.comment).substr(at + kRustc.size()));
    return version.empty() ? "Rust" : "Rust " + version;
  }
  return "C/C++";
}

std::string product_of(const ProgramFacts& facts) {
  const Program* program = program_of(facts.path);
  if (program == nullptr) return {};
  std::string product(program->product);
  if (facts.package && facts.package->package.starts_with("mariadb")) product = "MariaDB";
  std::string version = version_after(facts.texts, program->needle);
  if (version.empty() && facts.package) version = facts.package->upstream_version();
  // Packagers mark repacked sources: "7.0.15~dfsg".
  if (size_t mark = version.find_first_of("~+"); mark != std::string::npos) version.resize(mark);
  return version.empty() ? product : product + " " + version;
}

}  // namespace ec
