// Real programs for tests: run one to its end, or keep one in the background and stop it by its pid.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace ec::test {

struct ProgramResult {
  int exit_code = -1;  // minus the signal when a signal ended it
  std::string out, err;
  bool timed_out = false;  // and killed
};

struct ProgramSettings {
  std::string directory;                 // "" = the current one
  std::vector<std::string> environment;  // NAME=value, added to ours
  std::chrono::seconds timeout{60};
  std::function<void()> in_child;  // after fork, before exec: limits, namespaces, user
};

// argv[0] is looked up in PATH.
ProgramResult run_program(const std::vector<std::string>& argv, const ProgramSettings& settings = {});
// A copy of EC_BINARY in `directory` that every user may run: a build tree below a private home is closed to others.
std::string binary_for_everyone(const std::string& directory);
// EC_BINARY with these arguments.
ProgramResult collect(std::vector<std::string> arguments, const ProgramSettings& settings = {});

class BackgroundProgram {
 public:
  explicit BackgroundProgram(const std::vector<std::string>& argv, const ProgramSettings& settings = {});
  ~BackgroundProgram();  // kills and reaps it, and kills what it started and left in its process group
  BackgroundProgram(const BackgroundProgram&) = delete;
  BackgroundProgram& operator=(const BackgroundProgram&) = delete;

  pid_t pid() const { return pid_; }
  // Waits for a line of standard output or error that contains `text`; gives the line, "" when it ended or 30 s passed.
  std::string wait_for_line(const std::string& text);
  void kill_and_reap(int signal);

 private:
  pid_t pid_ = -1, group_ = -1;
  int output_ = -1;
  std::string seen_;
};

// Waits until `condition` holds, at most 30 s. False when it never did.
bool eventually(const std::function<bool()>& condition);

class TempDir {
 public:
  TempDir();
  ~TempDir();  // removes it with everything in it
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  // The one entry whose name ends with `suffix`, "" when there is none.
  std::string find(const std::string& suffix) const;

 private:
  std::string path_;
};

// "" when it cannot be read: a file of /proc may be denied, or gone.
std::string read_text(const std::string& file);
void write_text(const std::string& file, const std::string& text);
// A TCP port of the loopback interface that nobody listens on now.
int free_port();

// No thread of the process is stopped or traced (PROMISES.md, 1).
bool runs_freely(pid_t pid);

}  // namespace ec::test
