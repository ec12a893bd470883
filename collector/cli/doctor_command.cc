// What can be collected here, what cannot, and the smallest fix. Every line is found out by trying, not by guessing
// from user ids; nothing is stopped, signalled or written.
#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "collector/base/text.h"
#include "collector/base/unique_fd.h"
#include "collector/cli/commands.h"
#include "collector/cli/exit_code.h"
#include "collector/cli/find_target.h"
#include "collector/cli/own_process.h"
#include "collector/cli/print.h"
#include "collector/cli/terminal.h"

namespace ec {

namespace {

struct Check {
  std::string what;
  bool good = false;
  std::string detail;  // why not
  std::string fix;
};

Check readable(std::string what, const std::string& file, std::string fix) {
  UniqueFd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  char byte;
  // An empty file and a log without a new line are readable too.
  // /dev/kmsg answers a buffer that is too small with EINVAL.
  bool good = fd && (read(fd.get(), &byte, 1) >= 0 || errno == EAGAIN || errno == EINVAL);
  return {std::move(what), good, good ? "" : fmt::format("{}: {}", file, strerrordesc_np(errno)), std::move(fix)};
}

Check enterable(std::string what, const std::string& directory, std::string fix) {
  UniqueFd fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  int problem = errno;
  if (fd) {
    std::array<char, 512> buffer{};
    if (readlinkat(fd.get(), "0", buffer.data(), buffer.size()) >= 0 || errno == ENOENT)
      return {std::move(what), true, "", ""};
    problem = errno;
  }
  return {std::move(what), false, fmt::format("{}: {}", directory, strerrordesc_np(problem)), std::move(fix)};
}

// Reads one word of the target's memory at a mapped address: the permission that stacks and locks need.
Check memory_readable(const TargetIdentity& target) {
  Check check{
      "user stacks and locks (memory of the target)", false, "",
      "run as root or as the user of the process, or: setcap cap_sys_ptrace,cap_sys_admin+ep emergency-collect"};
  auto maps = read_file(fmt::format("/proc/{}/task/{}/maps", target.pid, target.live_tid));
  if (!maps || maps->empty()) {
    check.detail = maps ? "the process has no memory" : maps.error().message();
    if (maps) check.fix.clear();
    return check;
  }
  auto begin = parse_number<uint64_t>(maps->substr(0, maps->find('-')), 16);
  char byte;
  iovec local{&byte, 1}, remote{reinterpret_cast<void*>(begin.value_or(0)), 1};
  check.good = process_vm_readv(target.live_tid, &local, 1, &remote, 1, 0) == 1;
  if (!check.good) check.detail = fmt::format("process_vm_readv: {}", strerrordesc_np(errno));
  return check;
}

std::vector<Check> target_checks(const TargetIdentity& target) {
  std::string proc = fmt::format("/proc/{}", target.pid);
  std::string task = fmt::format("{}/task/{}", proc, target.live_tid);
  const std::string as_user = "run as root or as the user of the process, or with CAP_SYS_PTRACE";
  std::vector<Check> checks;
  checks.push_back(readable("state, memory and CPU figures", proc + "/status", "is /proc mounted with hidepid?"));
  checks.push_back(readable("memory maps", task + "/maps", as_user));
  checks.push_back(readable("environment (names; values redacted)", proc + "/environ", as_user));
  checks.push_back(readable("IO counters", proc + "/io", as_user));
  checks.push_back(enterable("open files and sockets", proc + "/fd", as_user));
  checks.push_back(readable("kernel stacks", proc + "/stack", "run as root, or with CAP_SYS_ADMIN"));
  checks.push_back(readable("current system calls, blocked threads without a stop", task + "/syscall", as_user));
  checks.push_back(memory_readable(target));
  auto status = read_file(proc + "/status");
  size_t at = status ? status->find("\nTracerPid:\t") : std::string::npos;
  int tracer =
      at == std::string::npos
          ? 0
          : parse_number<int>(trim(std::string_view(*status).substr(at + 12, status->find('\n', at + 1) - at - 12)))
                .value_or(0);
  if (tracer)
    checks.push_back({"stops of running threads", false, fmt::format("process {} traces it already", tracer),
                      "detach that tracer; until then stacks of blocked threads are read without a stop"});
  return checks;
}

std::vector<Check> host_checks(const std::string& output) {
  std::vector<Check> checks;
  checks.push_back(readable("kernel log", "/dev/kmsg", "run as root, or with CAP_SYSLOG"));
  checks.push_back(readable("pressure (PSI)", "/proc/pressure/cpu", "boot with psi=1 (CONFIG_PSI)"));
  checks.push_back(enterable("other processes' descriptors (peers of pipes and sockets)", "/proc/1/fd",
                             "run as root, or with CAP_SYS_PTRACE"));
  if (output == "-") return checks;
  size_t slash = output.rfind('/');
  std::string directory = output;
  if (UniqueFd probe(open(output.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)); !probe)
    directory = slash == std::string::npos ? "." : output.substr(0, slash + 1);
  struct statvfs space {};
  Check check{fmt::format("archive in {}", directory), access(directory.c_str(), W_OK) == 0, "",
              "-o DIR for another place, or -o - and pipe it elsewhere"};
  if (!check.good) {
    check.detail = strerrordesc_np(errno);
  } else if (statvfs(directory.c_str(), &space) == 0) {
    double free_bytes = static_cast<double>(space.f_bavail) * static_cast<double>(space.f_frsize);
    check.what += fmt::format(" ({} free)", human_bytes(free_bytes));
    check.good = free_bytes > 8e6;
    if (!check.good) check.detail = "less than 8 MB are free";
  }
  checks.push_back(check);
  return checks;
}

std::string shown(const std::vector<Check>& checks, bool colour) {
  std::string text;
  for (const Check& check : checks) {
    const char* mark = check.good ? (colour ? "\x1b[32mok\x1b[0m" : "ok") : (colour ? "\x1b[31mno\x1b[0m" : "no");
    text += fmt::format("  {}  {}\n", mark, check.what);
    if (check.good) continue;
    if (!check.detail.empty()) text += fmt::format("      why: {}\n", check.detail);
    if (!check.fix.empty()) text += fmt::format("      fix: {}\n", check.fix);
  }
  return text;
}

std::string plan(bool with_target) {
  std::string text;
  for (const Collector& collector : collector_table()) {
    if (collector.needs_target && !with_target) continue;
    text += fmt::format("  T{}  {:<16} {}{}{}\n", static_cast<int>(collector.tier), collector.name, collector.summary,
                        collector.privileges.empty() ? "" : fmt::format(" [wants {}]", collector.privileges),
                        collector.slow ? " (slow: after the first page)" : "");
  }
  return text;
}

}  // namespace

int run_command(const DoctorRequest& request) {
  bool colour = terminal_of(STDOUT_FILENO).colour;
  std::string text;
  bool all_good = true;
  auto section = [&](const std::string& title, const std::vector<Check>& checks) {
    text += title + "\n" + shown(checks, colour) + "\n";
    for (const Check& check : checks) all_good = all_good && check.good;
  };
  if (!request.target.empty()) {
    auto target = find_target(request.target);
    if (!target) {
      write_all(STDERR_FILENO, fmt::format("emergency-collect: {}\n", target.error().message()));
      return target.error().code == ErrorCode::kUsage ? kUsage : kNothingCollected;
    }
    if (target->kernel_thread)
      text += fmt::format("{} is a kernel thread: it has no memory, no files and no user stack.\n\n", target->pid);
    section(fmt::format("Target {} ({})", target->pid, printable_line(target->comm)), target_checks(*target));
  }
  section("Host", host_checks(request.output));
  auto missing = missing_privileges(own_privileges());
  if (!missing.empty()) {
    text += "Capabilities this user lacks\n";
    for (const std::string& privilege : missing) text += fmt::format("  {}\n", privilege);
    text += '\n';
  }
  text += "Plan, in running order\n" + plan(!request.target.empty());
  text += all_good ? "\nEverything can be collected.\n"
                   : "\nThe rest is collected all the same; the summary lists what was not examined.\n";
  print(text);
  return all_good ? kComplete : kPartialArchive;
}

}  // namespace ec
