// Real servers for the stack tests, in folders of their own, without network.
#pragma once

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "collector/base/text.h"
#include "tests/support/program.h"

namespace ec::test {

// Children of a process, and itself.
inline std::vector<pid_t> family(pid_t pid) {
  std::vector<pid_t> pids{pid};
  std::string children = read_text(fmt::format("/proc/{0}/task/{0}/children", pid));
  FieldCursor fields(trim(children));
  while (auto child = fields.number<pid_t>()) pids.push_back(*child);
  return pids;
}

class Postgres {
 public:
  Postgres() {
    std::string versions = "/usr/lib/postgresql";
    for (const auto& entry : std::filesystem::directory_iterator(versions)) bin_ = entry.path().string() + "/bin/";
    // It refuses to run as root.
    if (const passwd* user = geteuid() == 0 ? getpwnam("postgres") : nullptr) {
      uid_t uid = user->pw_uid;
      gid_t gid = user->pw_gid;
      settings_.in_child = [uid, gid] {
        if (setgid(gid) != 0 || setuid(uid) != 0) _exit(126);
      };
      if (chown(folder_.path().c_str(), uid, gid) != 0) return;
    }
    settings_.directory = folder_.path();
    ProgramResult made = run_program({bin_ + "initdb", "-N", "-A", "trust", "-D", folder_ / "data"}, settings_);
    if (made.exit_code != 0) return;
    server_ =
        std::make_unique<BackgroundProgram>(std::vector<std::string>{bin_ + "postgres", "-D", folder_ / "data", "-k",
                                                                     folder_.path(), "-c", "listen_addresses="},
                                            settings_);
  }
  ~Postgres() {
    if (server_) server_->kill_and_reap(SIGINT);  // fast shutdown
  }
  bool ready() { return server_ && !server_->wait_for_line("ready to accept connections").empty(); }
  std::vector<pid_t> processes() const { return family(server_->pid()); }

 private:
  TempDir folder_;
  std::string bin_;
  ProgramSettings settings_;
  std::unique_ptr<BackgroundProgram> server_;
};

class Nginx {
 public:
  Nginx() {
    write_text(folder_ / "nginx.conf",
               fmt::format("daemon off; worker_processes 2; pid {0}/pid; error_log stderr notice;\nevents {{}}\n"
                           "http {{ access_log off; server {{ listen unix:{0}/socket; }} }}\n",
                           folder_.path()));
    server_ = std::make_unique<BackgroundProgram>(
        std::vector<std::string>{"/usr/sbin/nginx", "-p", folder_.path(), "-c", folder_ / "nginx.conf"});
  }
  // Killed, it would leave its workers behind.
  ~Nginx() { server_->kill_and_reap(SIGTERM); }
  bool ready() {
    return !server_->wait_for_line("start worker process ").empty() &&
           eventually([&] { return processes().size() == 3; });
  }
  std::vector<pid_t> processes() const { return family(server_->pid()); }

 private:
  TempDir folder_;
  std::unique_ptr<BackgroundProgram> server_;
};

// A program that answers line K on its standard input with "answer K: …".
class Conversation {
 public:
  explicit Conversation(const std::vector<std::string>& argv) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return;
    ProgramSettings settings;
    int input = ends[0];
    settings.in_child = [input] { dup2(input, STDIN_FILENO); };
    program_ = std::make_unique<BackgroundProgram>(argv, settings);
    close(ends[0]);
    ask_ = ends[1];
  }
  ~Conversation() {
    program_.reset();
    close(ask_);
  }
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  bool started() { return program_ && !program_->wait_for_line("ready").empty(); }
  pid_t pid() const { return program_->pid(); }
  // A fresh answer, the whole line; "" = none.
  std::string answer() {
    if (write(ask_, "\n", 1) != 1) return {};
    return program_->wait_for_line(fmt::format("answer {}: ", ++asked_));
  }
  // The number behind the word in a fresh answer; behind the colon when the word is empty. -1 = none.
  long number(const std::string& word) {
    std::string line = answer();
    std::string wanted = word.empty() ? ": " : word + " ";
    size_t at = line.find(wanted);
    if (at == std::string::npos) return -1;
    FieldCursor fields(std::string_view(line).substr(at + wanted.size()));
    return fields.number<long>().value_or(-1);
  }

 private:
  std::unique_ptr<BackgroundProgram> program_;
  int ask_ = -1;
  int asked_ = 0;
};

}  // namespace ec::test
