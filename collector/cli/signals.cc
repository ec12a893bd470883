#include "collector/cli/signals.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace ec {

namespace {

std::atomic<int> g_first_signal{0};
std::atomic<int> g_write_fd{-1};

void on_signal(int signal) {
  int saved = errno;
  int none = 0;
  if (!g_first_signal.compare_exchange_strong(none, signal) && signal == SIGINT) _exit(130);
  char byte = 1;
  if (write(g_write_fd.load(), &byte, 1) < 0) {
    // The pipe is full: it is readable already.
  }
  errno = saved;
}

}  // namespace

Result<SignalPipe> SignalPipe::install() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return fail_errno("pipe2", errno);
  SignalPipe pipe;
  pipe.read_end_.reset(ends[0]);
  pipe.write_end_.reset(ends[1]);
  g_write_fd = ends[1];
  struct sigaction action {};
  action.sa_handler = on_signal;
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, nullptr);
  sigaction(SIGXFSZ, &action, nullptr);  // the page may go to a file as well: ulimit -f
  return pipe;
}

void SignalPipe::give_back() const {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
}

int SignalPipe::received() const { return g_first_signal.load(); }

}  // namespace ec
