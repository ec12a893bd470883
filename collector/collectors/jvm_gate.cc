#include "collector/collectors/jvm_gate.h"

#include <fmt/format.h>
#include <signal.h>

#include "collector/base/text.h"

namespace ec {

namespace {

constexpr uint64_t kQuitBit = uint64_t{1} << (SIGQUIT - 1);
// HotSpot catches the signal early in its start, and is ready to open the socket a moment later.
constexpr double kYoungSeconds = 5;

}  // namespace

std::string why_jvm_cannot_answer(char state, bool frozen) {
  if (state == 'T') return "it is stopped";
  if (state == 't') return "a debugger holds it";
  if (state == 'Z' || state == 'X') return "it has ended";
  return frozen ? "its cgroup is frozen" : "";
}

std::string why_not_caught(uint64_t signals_caught, uint64_t signals_ignored) {
  if (signals_ignored & kQuitBit) return "it ignores SIGQUIT";
  if (!(signals_caught & kQuitBit)) return "it does not catch SIGQUIT, which would end it (-Xrs, or it still starts)";
  return {};
}

std::string why_not_to_signal(const JvmSignalFacts& facts) {
  if (auto why = why_jvm_cannot_answer(facts.state, facts.frozen); !why.empty()) return why;
  if (facts.site.openj9) return "it is Eclipse OpenJ9, which writes a dump of its own on SIGQUIT";
  if (!facts.site.hotspot) return fmt::format("{} could not be shown to be HotSpot", facts.site.libjvm);
  if (!facts.site.launcher)
    return "the java launcher did not start it: the options of a JVM inside another program cannot be read, nor what "
           "that program does on SIGQUIT";
  if (auto why = why_not_caught(facts.signals_caught, facts.signals_ignored); !why.empty()) return why;
  for (std::string_view option : facts.options.words) {
    if (option == "-Xrs" || option == "-XX:+ReduceSignalUsage")
      return fmt::format("{} is among its options: SIGQUIT would end it", option);
    if (option == "-XX:+DisableAttachMechanism")
      return fmt::format("{} is among its options: it would print its stacks to its standard output instead", option);
  }
  if (!facts.options.unread.empty())
    return fmt::format("its options in {} could not be read", printable_line(facts.options.unread.front(), 120));
  if (facts.age_seconds < kYoungSeconds)
    return fmt::format("it runs for {} only: it may not be ready for SIGQUIT", human_duration(facts.age_seconds));
  return {};
}

}  // namespace ec
