// Environment variables: values stay only behind names that are known to be harmless.
#include <algorithm>
#include <array>

#include "collector/archive/redact_rules.h"

namespace ec::redaction {

namespace {

// Sorted. What an engineer needs to understand a process and what no one keeps a secret in.
constexpr std::array<std::string_view, 84> kHarmless{"ASPNETCORE_ENVIRONMENT",
                                                     "COLORTERM",
                                                     "COLUMNS",
                                                     "COMPOSE_PROJECT_NAME",
                                                     "CONTAINER",
                                                     "DEBIAN_FRONTEND",
                                                     "DISPLAY",
                                                     "DOTNET_GCHeapHardLimit",
                                                     "DOTNET_gcServer",
                                                     "EDITOR",
                                                     "GCTRACE",
                                                     "GODEBUG",
                                                     "GOGC",
                                                     "GOMAXPROCS",
                                                     "GOMEMLIMIT",
                                                     "GOPATH",
                                                     "GOROOT",
                                                     "GOTRACEBACK",
                                                     "HOME",
                                                     "HOSTNAME",
                                                     "HOSTTYPE",
                                                     "INVOCATION_ID",
                                                     "JAVA_HOME",
                                                     "JAVA_VERSION",
                                                     "JOURNAL_STREAM",
                                                     "KUBERNETES_PORT",
                                                     "KUBERNETES_SERVICE_HOST",
                                                     "KUBERNETES_SERVICE_PORT",
                                                     "KUBERNETES_SERVICE_PORT_HTTPS",
                                                     "LANG",
                                                     "LANGUAGE",
                                                     "LD_LIBRARY_PATH",
                                                     "LD_PRELOAD",
                                                     "LINES",
                                                     "LISTEN_FDS",
                                                     "LISTEN_PID",
                                                     "LOGNAME",
                                                     "MACHTYPE",
                                                     "MAIL",
                                                     "MAINPID",
                                                     "MALLOC_ARENA_MAX",
                                                     "MALLOC_CONF",
                                                     "MALLOC_MMAP_THRESHOLD_",
                                                     "MALLOC_TRIM_THRESHOLD_",
                                                     "MANAGERPID",
                                                     "NODE_ENV",
                                                     "NODE_OPTIONS",
                                                     "NODE_VERSION",
                                                     "NOTIFY_SOCKET",
                                                     "OLDPWD",
                                                     "OMP_NUM_THREADS",
                                                     "OPENBLAS_NUM_THREADS",
                                                     "OSTYPE",
                                                     "PAGER",
                                                     "PATH",
                                                     "PGDATA",
                                                     "PGPORT",
                                                     "PG_GRANDPARENT_PID",
                                                     "PORT",
                                                     "PWD",
                                                     "PYTHONDONTWRITEBYTECODE",
                                                     "PYTHONFAULTHANDLER",
                                                     "PYTHONHASHSEED",
                                                     "PYTHONHOME",
                                                     "PYTHONPATH",
                                                     "PYTHONUNBUFFERED",
                                                     "PYTHON_VERSION",
                                                     "RAILS_ENV",
                                                     "RUNTIME_DIRECTORY",
                                                     "RUST_BACKTRACE",
                                                     "RUST_LOG",
                                                     "SHELL",
                                                     "SHLVL",
                                                     "STATE_DIRECTORY",
                                                     "SYSTEMD_EXEC_PID",
                                                     "TERM",
                                                     "TMPDIR",
                                                     "TZ",
                                                     "USER",
                                                     "UV_THREADPOOL_SIZE",
                                                     "WATCHDOG_PID",
                                                     "WATCHDOG_USEC",
                                                     "WEB_CONCURRENCY",
                                                     "container"};

bool is_name_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' ||
         c == '-' || c == '%';
}

}  // namespace

bool is_harmless_environment_name(std::string_view name) {
  return name.starts_with("LC_") || name.starts_with("XDG_") ||
         std::find(kHarmless.begin(), kHarmless.end(), name) != kHarmless.end();
}

void find_in_environment_entry(std::string_view entry, std::vector<Span>& found) {
  if (entry.empty()) return;
  size_t equals = entry.find('=');
  std::string_view name = entry.substr(0, equals);
  // A process that writes its title over its environment (setproctitle) leaves pieces of values without a name.
  bool whole = equals == std::string_view::npos || name.empty() || name.size() > 256 ||
               !std::all_of(name.begin(), name.end(), is_name_character);
  if (whole) {
    if (!is_placeholder(entry)) found.push_back({0, entry.size()});
    return;
  }
  if (is_harmless_environment_name(name)) return find_in_text(entry, found);
  std::string_view value = entry.substr(equals + 1);
  if (!value.empty() && !is_placeholder(value)) found.push_back({equals + 1, entry.size()});
}

}  // namespace ec::redaction
