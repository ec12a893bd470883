#include "collector/cli/option_groups.h"

namespace ec {

namespace {

std::string positive_number(const std::string& text) {
  auto value = parse_number<int>(text);
  return value && *value > 0 ? std::string{} : fmt::format("expected a process id, not '{}'", text);
}

}  // namespace

void add_target(CLI::App& app, TargetRequest& target) {
  auto* group = app.add_option_group("Target");
  group->add_option("-p,--pid", target.pid, "Process to look at")->check(positive_number)->type_name("N");
  group->add_option("--name", target.name, "The process with this name; must match one, else the candidates are listed")
      ->type_name("NAME");
  group->add_option("--unit", target.unit, "The main process of this systemd unit")->type_name("UNIT");
  group->add_option("--port", target.port, "The process that listens on this TCP port")
      ->check(CLI::Range(1, 65535))
      ->type_name("PORT");
  group->require_option(0, 1);
}

void add_store(CLI::App& group, std::string& store) {
  group.add_option("--store", store, "Directory of the store (default: of the state of this user, see store --help)")
      ->type_name("DIR");
}

void add_baseline(CLI::App& group, std::vector<std::string>& baseline, std::string& store) {
  group
      .add_option("--baseline", baseline,
                  "An earlier archive of the same target, for what is higher than usual; repeatable; last-good: the "
                  "newest of it in the store without a high finding")
      ->allow_extra_args(false)
      ->type_name("ARCHIVE")
      ->check([](const std::string& name) { return name == kLastGood ? std::string{} : CLI::ExistingPath(name); });
  add_store(group, store);
}

void add_stack_options(CLI::App& group, RunOptions& run) {
  add_choice<StackMode>(
      group, "--stacks", run.stacks,
      {{"auto", StackMode::kAuto},
       {"consistent", StackMode::kConsistent},
       {"no-stop", StackMode::kNoStop},
       {"kernel", StackMode::kKernel},
       {"none", StackMode::kNone}},
      "auto (default): blocked threads are read without a stop, running ones are stopped for microseconds; "
      "consistent: all stopped at one moment; no-stop: nobody is stopped; kernel: kernel side only; none",
      "MODE");
  group
      .add_option_function<int>(
          "--max-pause", [&run](int ms) { run.max_pause = milliseconds(ms); },
          "Budget for the whole stop in milliseconds (default 50)")
      ->check(CLI::Range(0, 60000))
      ->type_name("MS");
  group.add_flag("--restart-eintr", run.restart_interrupted,
                 "Make waits that a stop would end with EINTR start again (epoll_wait, accept, recv …)");
  group
      .add_option("--debug-dir", run.debug_directories,
                  "Where debug files are looked for first; repeatable (default: the target's /usr/lib/debug and ours)")
      ->allow_extra_args(false)
      ->type_name("DIR")
      ->check(CLI::ExistingDirectory);
  group.add_flag("!--no-lines", run.lines, "Functions only, without files, lines and what was inlined");
}

}  // namespace ec
