#include "tests/support/program.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace ec::test {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::chrono::seconds kPatience{30};

[[noreturn]] void exec_child(const std::vector<std::string>& argv, const ProgramSettings& settings, int out, int err) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  int null = open("/dev/null", O_RDONLY);
  dup2(null, STDIN_FILENO);
  for (int signal : {SIGPIPE, SIGINT, SIGTERM}) ::signal(signal, SIG_DFL);
  if (!settings.directory.empty() && chdir(settings.directory.c_str()) != 0) _exit(126);
  for (const std::string& variable : settings.environment) putenv(const_cast<char*>(variable.c_str()));
  if (settings.in_child) settings.in_child();
  std::vector<char*> arguments;
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  _exit(127);
}

int status_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status); }

}  // namespace

ProgramResult run_program(const std::vector<std::string>& argv, const ProgramSettings& settings) {
  int out[2], err[2];
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  pid_t pid = fork();
  if (pid == 0) exec_child(argv, settings, out[1], err[1]);
  close(out[1]);
  close(err[1]);
  ProgramResult result;
  auto end = Clock::now() + settings.timeout;
  pollfd polls[2] = {{out[0], POLLIN, 0}, {err[0], POLLIN, 0}};
  std::string* texts[2] = {&result.out, &result.err};
  while ((polls[0].fd >= 0 || polls[1].fd >= 0) && Clock::now() < end) {
    poll(polls, 2, 100);
    for (int i = 0; i < 2; ++i) {
      if (polls[i].fd < 0 || polls[i].revents == 0) continue;
      char buffer[65536];
      ssize_t got = read(polls[i].fd, buffer, sizeof buffer);
      if (got > 0)
        texts[i]->append(buffer, static_cast<size_t>(got));
      else
        polls[i].fd = -1;
    }
  }
  if (polls[0].fd >= 0 || polls[1].fd >= 0) {
    result.timed_out = true;
    kill(pid, SIGKILL);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  result.exit_code = status_of(status);
  close(out[0]);
  close(err[0]);
  return result;
}

std::string binary_for_everyone(const std::string& directory) {
  std::string copy = directory + "/emergency-collect";
  fs::copy_file(EC_BINARY, copy, fs::copy_options::overwrite_existing);
  fs::permissions(copy, fs::perms(0755));
  return copy;
}

ProgramResult collect(std::vector<std::string> arguments, const ProgramSettings& settings) {
  arguments.insert(arguments.begin(), EC_BINARY);
  return run_program(arguments, settings);
}

BackgroundProgram::BackgroundProgram(const std::vector<std::string>& argv, const ProgramSettings& settings) {
  int out[2];
  if (pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  pid_ = fork();
  if (pid_ == 0) {
    setpgid(0, 0);  // so that its workers can be ended with it
    exec_child(argv, settings, out[1], out[1]);
  }
  setpgid(pid_, pid_);
  group_ = pid_;
  close(out[1]);
  output_ = out[0];
}

BackgroundProgram::~BackgroundProgram() {
  kill_and_reap(SIGKILL);
  kill(-group_, SIGKILL);  // workers of a master that was killed
  close(output_);
}

void BackgroundProgram::kill_and_reap(int signal) {
  if (pid_ <= 0) return;
  kill(pid_, signal);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

std::string BackgroundProgram::wait_for_line(const std::string& text) {
  auto end = Clock::now() + kPatience;
  while (Clock::now() < end) {
    if (size_t at = seen_.find(text); at != std::string::npos && seen_.find('\n', at) != std::string::npos) {
      size_t begin = seen_.rfind('\n', at);
      begin = begin == std::string::npos ? 0 : begin + 1;
      return seen_.substr(begin, seen_.find('\n', at) - begin);
    }
    pollfd ready{output_, POLLIN, 0};
    if (poll(&ready, 1, 200) <= 0) continue;
    char buffer[4096];
    ssize_t got = read(output_, buffer, sizeof buffer);
    if (got <= 0) return {};
    seen_.append(buffer, static_cast<size_t>(got));
  }
  return {};
}

bool eventually(const std::function<bool()>& condition) {
  auto end = Clock::now() + kPatience;
  while (Clock::now() < end) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return condition();
}

TempDir::TempDir() {
  std::string pattern = (fs::temp_directory_path() / "ec-test-XXXXXX").string();
  if (!mkdtemp(pattern.data())) throw std::runtime_error("mkdtemp");
  path_ = pattern;
}

TempDir::~TempDir() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string TempDir::find(const std::string& suffix) const {
  for (const auto& entry : fs::directory_iterator(path_))
    if (entry.path().string().ends_with(suffix)) return entry.path().string();
  return {};
}

std::string read_text(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;  // copied so that a read that fails throws nothing
  text << stream.rdbuf();
  return text.str();
}

void write_text(const std::string& file, const std::string& text) { std::ofstream(file, std::ios::binary) << text; }

int free_port() {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  close(fd);
  return ntohs(address.sin_port);
}

bool runs_freely(pid_t pid) {
  std::error_code problem;
  for (const auto& task : fs::directory_iterator("/proc/" + std::to_string(pid) + "/task", problem)) {
    std::string status = read_text(task.path().string() + "/status");
    if (status.find("\nState:\tT") != std::string::npos || status.find("\nState:\tt") != std::string::npos)
      return false;
    size_t tracer = status.find("\nTracerPid:\t");
    if (tracer != std::string::npos && status.compare(tracer + 12, 2, "0\n") != 0) return false;
  }
  return !problem;
}

}  // namespace ec::test
