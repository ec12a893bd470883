#include "collector/collectors/jvm.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <unordered_map>

#include "collector/base/open_below.h"
#include "collector/base/text.h"
#include "collector/collectors/jvm_attach.h"
#include "collector/collectors/jvm_gate.h"
#include "collector/collectors/process_files.h"
#include "collector/collectors/target_source.h"
#include "collector/proc/cmdline.h"
#include "collector/proc/pid_status.h"
#include "collector/runtimes/jvm_site.h"
#include "collector/target/obstacles.h"

namespace ec {

namespace {

constexpr std::string_view kDump = "raw/jvm/threaddump.txt", kHow = "raw/jvm/attach.txt";
constexpr const char* kFix = "--jvm-attach: sends it SIGQUIT, which makes a JVM that catches it open one";

Result<PidStatus> status_of(const TargetIdentity& target) {
  std::string file = live_directory(target) + "/status";
  auto text = read_file(file);
  return text ? parse_pid_status(file, *text) : tl::unexpected(text.error());
}

double age_seconds(const TargetIdentity& target) {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9 -
         static_cast<double>(target.start_ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

// Errors: what of it could not be read; nothing is known of the options then.
Result<JvmOptions> options_of(const TargetIdentity& target) {
  constexpr size_t kLargestFile = 1u << 20;
  std::string process = live_directory(target);
  auto arguments = read_file(process + "/cmdline"), environment = read_file(process + "/environ");
  if (!arguments) return tl::unexpected(arguments.error());
  if (!environment) return tl::unexpected(environment.error());
  auto folder = read_link(process + "/cwd");
  auto read = [&](const std::string& file) -> Result<std::string> {
    if (!file.starts_with("/") && !folder) return tl::unexpected(folder.error());
    return read_below(process + "/root", file.starts_with("/") ? file : *folder + "/" + file, kLargestFile);
  };
  return jvm_options(parse_cmdline(*arguments), parse_environ(*environment), read);
}

std::string why_no_signal(const TargetIdentity& target, const JvmSite& site, const PidStatus& status) {
  JvmSignalFacts facts;
  facts.site = site;
  facts.state = status.state;
  facts.frozen = cgroup_frozen(target.pid);
  facts.signals_caught = status.signals_caught;
  facts.signals_ignored = status.signals_ignored;
  facts.age_seconds = age_seconds(target);
  auto options = options_of(target);
  if (!options) return fmt::format("its options could not be read: {}", options.error().message());
  facts.options = std::move(*options);
  return why_not_to_signal(facts);
}

struct Found {
  JvmSite site;
  PidStatus status;
  UniqueFd temporary;
  int own_pid() const { return status.ns_tgid.empty() ? status.tgid : status.ns_tgid.back(); }
  std::string socket() const { return fmt::format(".java_pid{}", own_pid()); }
};

Result<void> look_closer(const TargetIdentity& target, Found& found) {
  auto status = status_of(target);
  if (!status) return tl::unexpected(status.error());
  found.status = std::move(*status);
  auto temporary = open_below(live_directory(target) + "/root", "/tmp", O_PATH | O_DIRECTORY);
  if (!temporary) return tl::unexpected(temporary.error());
  found.temporary = std::move(*temporary);
  return {};
}

std::string how_text(const JvmSite& site, const JvmAnswer& answer) {
  return fmt::format("library {}\nsignalled {}\nfirst_byte_ms {:.1f}\ntotal_ms {:.1f}\n",
                     printable_line(site.libjvm, 1000), answer.signalled ? 1 : 0, answer.first_byte_ms,
                     answer.total_ms);
}

void store(GatherContext& context, const Found& found, const JvmAnswer& answer, const std::string& source) {
  context.out.artifact(kHow, source, how_text(found.site, answer), Redact::kNothing);
  if (!answer.problem) return context.out.artifact(kDump, source, answer.text);
  Error problem = *answer.problem;
  if (!answer.text.empty())
    return context.out.partial(kDump, source, answer.text, fmt::format("it ends early: {}", problem.message()));
  // Not having one is no fault of this run.
  bool no_socket = problem.code == ErrorCode::kNotFound;
  if (no_socket) problem.code = ErrorCode::kSkipped;
  context.out.failed(kDump, source, problem, no_socket ? kFix : "");
}

}  // namespace

void gather_jvm(GatherContext& context) {
  const TargetIdentity& target = *context.target;
  bool asked = context.options.jvm_attach;
  std::string source = fmt::format("attach socket of the JVM in {}", target.pid);
  auto modules = modules_of(context);
  if (!modules) return;  // the stacks collector says so
  auto site = find_jvm(**modules);
  auto refuse = [&](std::string why) {
    context.out.failed(kDump, source, Error{ErrorCode::kSkipped, "", std::move(why), 0});
  };
  if (!site) {
    if (asked)
      refuse(fmt::format("{} is no JVM: no libjvm.so is mapped, so --jvm-attach sent no signal",
                         printable_line(target.comm, 32)));
    return;
  }
  if (site->openj9) return refuse("it is Eclipse OpenJ9, whose attach socket is another one");
  Found found{*site, {}, {}};
  context.out.touch(fmt::format("/proc/{}/root/tmp", target.pid), true);
  if (auto looked = look_closer(target, found); !looked)
    return context.out.failed(kDump, source, looked.error(), fix_for(looked.error(), source));
  // A request would wait in its queue, and be answered to nobody when it goes on.
  if (auto why = why_jvm_cannot_answer(found.status.state, cgroup_frozen(target.pid)); !why.empty())
    return refuse(why + ", so that it cannot answer; nothing was asked");
  JvmAttachRequest request{
      target, found.status.uid[1], found.status.gid[1], found.own_pid(), std::move(found.temporary), {}, nullptr};
  if (asked) {
    request.working = UniqueFd(open((live_directory(target) + "/cwd").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    std::string why = why_no_signal(target, found.site, found.status);
    request.why_not_to_signal = [&target, why]() -> std::string {
      if (!why.empty()) return why;
      auto now = status_of(target);
      return now ? why_not_caught(now->signals_caught, now->signals_ignored) : now.error().message();
    };
  }
  context.out.touch(source);
  // What came is handed over before the budget ends.
  JvmAnswer answer = ask_jvm(request, Deadline(context.deadline.at() - milliseconds(500)));
  store(context, found, answer, source);
}

namespace {

void read_how(std::string_view text, JvmRuntime& jvm) {
  LineCursor lines(kHow, text);
  while (auto line = lines.next()) {
    FieldCursor fields(*line);
    std::string_view name = fields.word().value_or("");
    if (name == "library") jvm.libjvm = printable_line(trim(fields.rest()));
    if (name == "signalled") jvm.signalled = trim(fields.rest()) == "1";
    if (name == "total_ms") jvm.answered_ms = parse_double(trim(fields.rest())).value_or(0);
  }
}

// Java names are longer than the 15 bytes that the kernel keeps.
void name_threads(JvmRuntime& jvm, std::vector<Thread>& threads) {
  std::unordered_map<uint64_t, Thread*> by_own_number;
  for (Thread& thread : threads)
    by_own_number.emplace(static_cast<uint64_t>(thread.ns_tid > 0 ? thread.ns_tid : thread.tid), &thread);
  for (size_t i = 0; i < jvm.dump.threads.size(); ++i) {
    auto found = by_own_number.find(jvm.dump.threads[i].nid);
    if (found == by_own_number.end()) continue;
    jvm.tids[i] = found->second->tid;
    found->second->runtime_name = jvm.dump.threads[i].name;
    by_own_number.erase(found);  // of two that claim the same thread the first counts
  }
}

}  // namespace

void parse_jvm(const RawStore& store, Snapshot& snapshot) {
  auto text = store.read(kDump);
  if (!text) {
    snapshot.jvm = text.error();
    return;
  }
  auto dump = parse_jvm_threads(kDump, *text);
  if (!dump) {
    snapshot.jvm = dump.error();
    return;
  }
  JvmRuntime jvm;
  if (auto how = store.read(kHow)) read_how(*how, jvm);
  jvm.tids.resize(dump->threads.size());
  jvm.dump = std::move(*dump);
  if (snapshot.threads) name_threads(jvm, *snapshot.threads);
  snapshot.jvm = std::move(jvm);
}

std::optional<JvmOutlook> jvm_outlook(const TargetIdentity& target) {
  pid_t tid = target.live_tid > 0 ? target.live_tid : target.pid;
  auto space = read_address_space(target.pid, tid);
  if (!space) return std::nullopt;
  Modules modules(tid, std::move(*space), nullptr);
  auto site = find_jvm(modules);
  if (!site) return std::nullopt;
  if (site->openj9) return JvmOutlook{"it is Eclipse OpenJ9, whose attach socket is another one", ""};
  Found found{*site, {}, {}};
  if (auto looked = look_closer(target, found); !looked) return JvmOutlook{looked.error().message(), ""};
  if (auto why = why_jvm_cannot_answer(found.status.state, cgroup_frozen(target.pid)); !why.empty())
    return JvmOutlook{why, ""};
  struct stat facts {};
  bool there = fstatat(found.temporary.get(), found.socket().c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
               S_ISSOCK(facts.st_mode);
  if (there) return JvmOutlook{"", ""};
  std::string why = why_no_signal(target, found.site, found.status);
  if (why.empty()) return JvmOutlook{"it has no attach socket", kFix};
  return JvmOutlook{"it has no attach socket, and must not be sent the signal that opens one: " + why, ""};
}

}  // namespace ec
