// The process that stops threads, or the one that waits for it, is killed at every step of its work (PROMISES.md, 1).
// Steps are system calls: the test follows the freezer with ptrace(2) while it follows the target.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <compare>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "collector/base/text.h"
#include "collector/stacks/stack_dump.h"
#include "tests/live/stack_programs.h"

namespace ec::test {

namespace {

// One system call of the freezer, before or after it was made.
struct Step {
  uint64_t call = 0, request = 0;  // the request of ptrace(2)
  bool made = false;
  auto operator<=>(const Step&) const = default;
};

enum class Victim { kFreezer, kItsParent };

struct Plan {
  std::optional<Step> step;  // none: nobody is killed
  size_t occurrence = 0;     // of that step, from 0
  Victim victim = Victim::kFreezer;
};

struct Run {
  std::map<Step, size_t> steps;  // how often the freezer came by
  bool killed = false;
  int collector_status = 0;
  std::vector<pid_t> freezers;
};

constexpr int kThreadsWithoutStacks = 4;

pid_t start_collector(const DumpRequest& request) {
  pid_t collector = fork();
  if (collector != 0) return collector;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(3);
  raise(SIGSTOP);
  auto dump = dump_stacks(request);
  if (!dump || dump->threads.empty()) _exit(1);
  _exit(dump->stacks.empty() ? kThreadsWithoutStacks : 0);
}

bool is_system_call(int status) { return WIFSTOPPED(status) && WSTOPSIG(status) == (SIGTRAP | 0x80); }

Step step_of(pid_t freezer, Step before) {
  __ptrace_syscall_info info{};
  ptrace(static_cast<__ptrace_request>(PTRACE_GET_SYSCALL_INFO), freezer, sizeof info, &info);
  if (info.op != PTRACE_SYSCALL_INFO_ENTRY) {
    before.made = true;
    return before;
  }
  return {info.entry.nr, info.entry.nr == SYS_ptrace ? info.entry.args[0] : 0, false};
}

// Dumps the stacks once, with whom the plan wants killed. Ends when the collector and all its children did.
Run run_collector(const DumpRequest& request, const Plan& plan) {
  Run run;
  const pid_t collector = start_collector(request);
  REQUIRE(waitpid(collector, nullptr, __WALL) == collector);
  REQUIRE(ptrace(PTRACE_SETOPTIONS, collector, nullptr,
                 PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_EXITKILL) == 0);
  REQUIRE(ptrace(PTRACE_CONT, collector, nullptr, nullptr) == 0);
  std::map<pid_t, Step> freezers;  // that live, with the last step of each
  bool collector_lives = true;
  while (collector_lives || !freezers.empty()) {
    int status = 0;
    pid_t who = waitpid(-1, &status, __WALL);
    REQUIRE(who > 0);
    if (!WIFSTOPPED(status)) {
      if (who == collector) {
        collector_lives = false;
        run.collector_status = status;
      }
      freezers.erase(who);
      continue;
    }
    if (who == collector) {
      bool event = status >> 16 != 0 || WSTOPSIG(status) == SIGSTOP;
      ptrace(PTRACE_CONT, who, nullptr, event ? 0L : static_cast<long>(WSTOPSIG(status)));
      continue;
    }
    if (freezers.try_emplace(who).second) run.freezers.push_back(who);
    if (!is_system_call(status)) {
      bool first_stop = WSTOPSIG(status) == SIGSTOP;
      ptrace(PTRACE_SYSCALL, who, nullptr, first_stop ? 0L : static_cast<long>(WSTOPSIG(status)));
      continue;
    }
    Step& step = freezers[who];
    step = step_of(who, step);
    bool here = plan.step == step && run.steps[step] == plan.occurrence;
    ++run.steps[step];
    if (here) {
      run.killed = true;
      kill(plan.victim == Victim::kFreezer ? who : collector, SIGKILL);
    }
    ptrace(PTRACE_SYSCALL, who, nullptr, nullptr);
  }
  return run;
}

// First, middle and last occurrence of each kind of step.
std::vector<Plan> plans_for(const std::map<Step, size_t>& steps) {
  std::vector<Plan> plans;
  for (const auto& [step, count] : steps)
    for (size_t at : std::set<size_t>{0, count / 2, count - 1})
      plans.push_back({step, at, plans.size() % 4 == 3 ? Victim::kItsParent : Victim::kFreezer});
  return plans;
}

// An orphan becomes a child of the test, which then has to reap it.
bool is_gone(pid_t pid) {
  waitpid(pid, nullptr, WNOHANG | __WALL);
  return kill(pid, 0) != 0;
}

DumpRequest request_for(pid_t target, DumpMode mode, bool restart) {
  DumpRequest request;
  request.pid = request.live_tid = target;
  request.mode = mode;
  request.restart_interrupted = restart;
  request.max_pause = milliseconds(5000);  // every step of the freezer waits for the test
  return request;
}

}  // namespace

TEST_CASE("the freezer or its parent killed at each step: the target runs on, undamaged") {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  Conversation target({EC_TARGETS_DIR "/fragile"});
  REQUIRE(target.started());
  size_t kills = 0;
  for (DumpMode mode : {DumpMode::kAuto, DumpMode::kConsistent})
    for (bool restart : {false, true}) {
      const DumpRequest request = request_for(target.pid(), mode, restart);
      Run whole = run_collector(request, {});
      CHECK(WIFEXITED(whole.collector_status));
      CHECK(WEXITSTATUS(whole.collector_status) == 0);
      REQUIRE(whole.freezers.size() == 1);
      for (const Plan& plan : plans_for(whole.steps)) {
        Run run = run_collector(request, plan);
        // At once: the kernel lets all threads go before anybody learns of the death of their tracer.
        bool free = runs_freely(target.pid());
        CAPTURE(to_string(mode), restart, plan.step->call, plan.step->request, plan.step->made, plan.occurrence);
        CHECK(free);
        kills += run.killed;
        // Who asked for a dump gets one, when only the freezer died; when it had copied nothing yet, one of the threads
        // that are blocked, and all of them may be running just then.
        if (!run.killed || plan.victim == Victim::kFreezer) {
          CHECK(WIFEXITED(run.collector_status));
          const int code = WEXITSTATUS(run.collector_status);
          CHECK((code == 0 || (run.killed && code == kThreadsWithoutStacks)));
        }
        for (pid_t freezer : run.freezers) CHECK(eventually([&] { return is_gone(freezer); }));
      }
      CHECK(target.number("odd") == 0);
      target.number("pulse");
      CHECK(eventually([&] { return target.number("pulse") > 0; }));
    }
  CAPTURE(kills);
  CHECK(kills >= 100);
  // Signals that were on their way while somebody was killed have all arrived.
  const long sent = target.number("sent");
  CHECK(eventually([&] { return target.number("taken") >= sent; }));
  CHECK(waitpid(-1, nullptr, WNOHANG) == 0);  // the target is the only child left
}

}  // namespace ec::test
