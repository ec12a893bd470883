#include "collector/base/helper_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace ec {

namespace {

constexpr size_t kQueueBytes = 32 * 1024;
constexpr uint32_t kLargestFrame = 1u << 30;  // a length above it means that the stream is damaged

int64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// Handlers and mask are the parent's; what is ignored (nohup) stays ignored.
void default_signals() {
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction action {};
    if (sigaction(signal, nullptr, &action) == 0 && action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN)
      ::signal(signal, SIG_DFL);
  }
  ::signal(SIGCHLD, SIG_DFL);
  ::signal(SIGPIPE, SIG_DFL);
  // A terminal's ^C goes to the whole group; the parent decides when a helper ends.
  ::signal(SIGINT, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace

struct FrameWriter::Shared {
  std::atomic<int64_t> touched_at_ns;
  std::atomic<uint32_t> length;
  char what[500];
};

void FrameWriter::frame(std::string_view bytes) {
  auto length = static_cast<uint32_t>(bytes.size());
  queue_.append(reinterpret_cast<const char*>(&length), sizeof length);
  queue_.append(bytes);
  if (queue_.size() >= kQueueBytes) flush();
}

void FrameWriter::flush() {
  std::string_view rest = queue_;
  while (!rest.empty()) {
    ssize_t written = ::write(fd_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) _exit(2);  // the parent has given up on us
    rest.remove_prefix(static_cast<size_t>(written));
    shared_->touched_at_ns.store(monotonic_ns(), std::memory_order_relaxed);
  }
  queue_.clear();
}

void FrameWriter::touch(std::string_view what, bool risky) {
  if (risky) flush();
  what = what.substr(0, sizeof shared_->what);
  std::memcpy(shared_->what, what.data(), what.size());
  shared_->length.store(static_cast<uint32_t>(what.size()), std::memory_order_relaxed);
  shared_->touched_at_ns.store(monotonic_ns(), std::memory_order_release);
}

Result<HelperProcess> HelperProcess::start(const std::function<void(FrameWriter&)>& body) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail_errno("pipe2", errno);
  UniqueFd read_end(ends[0]), write_end(ends[1]);
  fcntl(read_end.get(), F_SETFL, O_NONBLOCK);
  fcntl(read_end.get(), F_SETPIPE_SZ, 1 << 20);
  void* memory = mmap(nullptr, sizeof(FrameWriter::Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return fail_errno("mmap", errno);

  HelperProcess helper;
  helper.shared_ = new (memory) FrameWriter::Shared{};
  helper.shared_->touched_at_ns = monotonic_ns();
  pid_t parent = getpid();
  helper.pid_ = fork();
  if (helper.pid_ < 0) return fail_errno("fork", errno);
  if (helper.pid_ == 0) {
    read_end.reset();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(2);
    default_signals();
    FrameWriter writer(write_end.get(), helper.shared_);
    body(writer);
    writer.flush();
    _exit(0);
  }
  helper.pipe_ = std::move(read_end);
  return helper;
}

HelperProcess::HelperProcess(HelperProcess&& other) noexcept
    : pipe_(std::move(other.pipe_)),
      pid_(std::exchange(other.pid_, -1)),
      shared_(std::exchange(other.shared_, nullptr)),
      buffer_(std::move(other.buffer_)),
      consumed_(std::exchange(other.consumed_, 0)) {}

HelperProcess& HelperProcess::operator=(HelperProcess&& other) noexcept {
  if (this != &other) {
    this->~HelperProcess();
    new (this) HelperProcess(std::move(other));
  }
  return *this;
}

HelperProcess::~HelperProcess() {
  abandon();
  if (shared_) munmap(shared_, sizeof(FrameWriter::Shared));
}

HelperProcess::Status HelperProcess::poll_frame(std::string& frame) {
  auto take = [&] {
    std::string_view waiting = std::string_view(buffer_).substr(consumed_);
    uint32_t length;
    if (waiting.size() < sizeof length) return false;
    std::memcpy(&length, waiting.data(), sizeof length);
    if (length > kLargestFrame) {
      pipe_.reset();
      return false;
    }
    if (waiting.size() - sizeof length < length) return false;
    frame.assign(waiting.substr(sizeof length, length));
    consumed_ += sizeof length + length;
    return true;
  };
  if (take()) return Status::kFrame;
  if (!pipe_) return Status::kEnded;
  buffer_.erase(0, consumed_);
  consumed_ = 0;
  while (true) {
    size_t before = buffer_.size();
    buffer_.resize(before + 64 * 1024);
    ssize_t got = ::read(pipe_.get(), buffer_.data() + before, 64 * 1024);
    buffer_.resize(before + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return Status::kNothingYet;
    if (got <= 0) {
      pipe_.reset();
      return Status::kEnded;
    }
    if (take()) return Status::kFrame;
    if (!pipe_) return Status::kEnded;
  }
}

std::string HelperProcess::last_touch() const {
  if (!shared_) return {};
  size_t length = std::min<size_t>(shared_->length.load(std::memory_order_acquire), sizeof shared_->what);
  return std::string(shared_->what, length);
}

nanoseconds HelperProcess::since_touch() const {
  if (!shared_) return nanoseconds::zero();
  return nanoseconds(monotonic_ns() - shared_->touched_at_ns.load(std::memory_order_acquire));
}

bool HelperProcess::is_runnable() const {
  if (pid_ <= 0) return false;
  UniqueFd stat(open(fmt::format("/proc/{}/stat", pid_).c_str(), O_RDONLY | O_CLOEXEC));
  char buffer[256];
  ssize_t length = stat ? ::read(stat.get(), buffer, sizeof buffer) : -1;
  std::string_view text(buffer, static_cast<size_t>(std::max<ssize_t>(length, 0)));
  size_t name_end = text.rfind(')');
  return name_end != std::string_view::npos && text.substr(name_end).starts_with(") R");
}

void HelperProcess::abandon() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, WNOHANG);
    pid_ = -1;
  }
  pipe_.reset();
}

std::optional<int> HelperProcess::exit_status(milliseconds wait) {
  if (pid_ <= 0) return std::nullopt;
  Deadline deadline = Deadline::in(wait);
  while (true) {
    int status = 0;
    pid_t reaped = waitpid(pid_, &status, WNOHANG);
    if (reaped == pid_) {
      pid_ = -1;
      return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }
    if (reaped < 0 || deadline.passed()) return std::nullopt;
    timespec pause{0, 200'000};
    nanosleep(&pause, nullptr);
  }
}

}  // namespace ec
