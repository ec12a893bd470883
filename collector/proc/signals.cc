#include "collector/proc/signals.h"

#include <fmt/core.h>

#include <array>
#include <string_view>

namespace ec {

namespace {

constexpr std::array<std::string_view, 32> kNames{
    "",          "SIGHUP",  "SIGINT",    "SIGQUIT", "SIGILL",   "SIGTRAP", "SIGABRT", "SIGBUS",
    "SIGFPE",    "SIGKILL", "SIGUSR1",   "SIGSEGV", "SIGUSR2",  "SIGPIPE", "SIGALRM", "SIGTERM",
    "SIGSTKFLT", "SIGCHLD", "SIGCONT",   "SIGSTOP", "SIGTSTP",  "SIGTTIN", "SIGTTOU", "SIGURG",
    "SIGXCPU",   "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO",   "SIGPWR",  "SIGSYS"};
// 32 and 33 belong to the C library (NPTL): SIGRTMIN is 34 for every program.
constexpr int kRealTimeMin = 34, kRealTimeMax = 64;

}  // namespace

std::string signal_name(int number) {
  if (number >= 1 && number < 32) return std::string(kNames[static_cast<size_t>(number)]);
  if (number == 32 || number == 33) return fmt::format("SIG{}", number);
  if (number == kRealTimeMin) return "SIGRTMIN";
  if (number > kRealTimeMin && number <= kRealTimeMax) return fmt::format("SIGRTMIN+{}", number - kRealTimeMin);
  return fmt::format("signal {}", number);
}

std::vector<std::string> signal_names(uint64_t mask) {
  std::vector<std::string> names;
  for (int bit = 0; bit < 64; ++bit)
    if ((mask >> bit & 1) != 0) names.push_back(signal_name(bit + 1));
  return names;
}

}  // namespace ec
