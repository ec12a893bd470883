// Python programs whose threads all stand still, and the interpreters that are there to run them.
#pragma once

#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "collector/runtimes/python_site.h"
#include "collector/target/address_space.h"
#include "tests/support/program.h"

namespace ec::test {

// The system's, and those that pyenv installed.
inline std::vector<std::string> pythons() {
  std::vector<std::string> found{"/usr/bin/python3"};
  const char* home = std::getenv("HOME");
  std::error_code none;
  for (const auto& version :
       std::filesystem::directory_iterator(std::string(home ? home : "") + "/.pyenv/versions", none)) {
    auto minor = python_minor_of_path("python" + version.path().filename().string());
    if (minor && *minor >= 8 && *minor <= 13) found.push_back(version.path().string() + "/bin/python3");
  }
  return found;
}

// faulthandler writes all stacks to the file "dump" on SIGUSR1, in the handler: no Python code runs for it.
constexpr const char* kPythonStart = R"(
import _thread, faulthandler, signal, sys, time
dump = open("dump", "w")
faulthandler.register(signal.SIGUSR1, file=dump, all_threads=True)
def start(*functions):
    for function in functions:
        _thread.start_new_thread(function, ())
    time.sleep(0.5)
    print("ready", flush=True)
)";

constexpr const char* kStandingThreads = R"(
def deep(n):
    if n == 0:
        time.sleep(
            1000)
    deep(n - 1)
def recursion(): deep(60)
def numbers():
    yield 1
    yield from more()
def more():
    time.sleep(1000)
    yield 2
def generator():
    for each in numbers():
        pass
class Worker:
    def __lt__(self, other):
        time.sleep(1000)
    def run(self):
        sorted([Worker(), Worker()])
def größe():
    lock.acquire()
def many_lines():
    x = [1,
         2] ; y = (lambda:
        time.sleep(1000))
    try:
        raise ValueError
    except ValueError:
        y(
        )
lock = _thread.allocate_lock()
lock.acquire()
start(recursion, generator, Worker().run, größe, many_lines)
list(map(lambda each: time.sleep(1000), [1]))
)";

class PythonProgram {
 public:
  PythonProgram(const std::string& python, const std::string& text, std::vector<std::string> before = {}) {
    write_text(folder_ / "program.py", kPythonStart + text);
    ProgramSettings settings;
    settings.directory = folder_.path();
    settings.environment = {"PYTHONUTF8=1"};
    before.insert(before.end(), {python, "program.py"});
    program_ = std::make_unique<BackgroundProgram>(before, settings);
    ready_ = !program_->wait_for_line("ready").empty();
    usleep(300'000);  // the main thread goes on to where it waits
  }
  bool ready() const { return ready_; }
  pid_t pid() const { return program_->pid(); }
  std::string read_dump(pid_t pid) {
    if (kill(pid, SIGUSR1) != 0) return {};
    std::string text;
    eventually([&] {
      std::string again = read_text(folder_ / "dump");
      bool still = !again.empty() && again == text;
      text = std::move(again);
      if (!still) usleep(100'000);
      return still;
    });
    return text;
  }

 private:
  TempDir folder_;
  std::unique_ptr<BackgroundProgram> program_;
  bool ready_ = false;
};

// What the collector does, down to the reader, on a process that is there.
struct FoundPython {
  std::unique_ptr<Modules> modules;
  std::unique_ptr<LiveRuntimeMemory> memory;
  PythonSite site;
};
inline Result<FoundPython> find_live_python(pid_t pid) {
  auto space = read_address_space(pid, pid);
  if (!space) return tl::unexpected(space.error());
  FoundPython found;
  found.modules = std::make_unique<Modules>(pid, std::move(*space), nullptr);
  found.memory = std::make_unique<LiveRuntimeMemory>(pid);
  std::error_code none;
  auto executable = std::filesystem::read_symlink(fmt::format("/proc/{}/exe", pid), none);
  auto site = find_python(*found.modules, executable.string(), *found.memory);
  if (!site) return tl::unexpected(site.error());
  if (!*site) return fail(ErrorCode::kNotFound, "", "no Python");
  found.site = **site;
  return found;
}

}  // namespace ec::test
