// Real JVMs that run tests/targets/java.
#pragma once

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "collector/base/text.h"
#include "tests/support/place.h"
#include "tests/support/program.h"

namespace ec::test {

constexpr const char* kNeedsJava = "needs java and javac";

using Words = std::vector<std::string>;

// Of tests/targets/java, compiled once.
inline const std::string& java_classes() {
  static const TempDir kFolder;
  static const bool kCompiled =
      run_program({"javac", "-d", kFolder.path(), EC_SOURCE_DIR "/tests/targets/java/Locks.java"}).exit_code == 0 &&
      chmod(kFolder.path().c_str(), 0755) == 0;
  static const std::string kNone;
  return kCompiled ? kFolder.path() : kNone;
}

class JavaProgram {
 public:
  explicit JavaProgram(Words options, const Words& modes = {"waiting"}, Words before = {},
                       std::function<void()> in_child = {}) {
    ProgramSettings settings;
    settings.directory = folder_.path();
    settings.in_child = std::move(in_child);
    chmod(folder_.path().c_str(), 0777);
    before.insert(before.end(), {"java", "-Xmx64m", "-XX:TieredStopAtLevel=1", "-cp", java_classes()});
    before.insert(before.end(), options.begin(), options.end());
    before.emplace_back("Locks");
    before.insert(before.end(), modes.begin(), modes.end());
    program_ = std::make_unique<BackgroundProgram>(before, settings);
    ready_ = !program_->wait_for_line("ready").empty();
    pid_ = program_->pid();
  }
  ~JavaProgram() { unlink(socket().c_str()); }  // SIGKILL leaves it behind
  bool ready() const { return ready_; }
  pid_t pid() const { return pid_; }
  std::string socket() const { return fmt::format("/tmp/.java_pid{}", pid_); }
  bool has_socket() const { return access(socket().c_str(), F_OK) == 0; }
  // Whatever it printed: a JVM that got SIGQUIT without asking prints all its stacks there.
  std::string printed() { return program_->wait_for_line("Full thread dump"); }
  bool lives() const {
    return kill(pid_, 0) == 0 && read_text(fmt::format("/proc/{}/stat", pid_)).find(") Z") == std::string::npos;
  }
  const std::string& folder() const { return folder_.path(); }

 private:
  TempDir folder_;
  std::unique_ptr<BackgroundProgram> program_;
  bool ready_ = false;
  pid_t pid_ = 0;
};

}  // namespace ec::test
