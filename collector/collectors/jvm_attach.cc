#include "collector/collectors/jvm_attach.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "collector/base/helper_process.h"
#include "collector/base/stream_socket.h"
#include "collector/base/text.h"

namespace ec {

namespace {

// Frames from the helper: a letter and what follows.
constexpr char kSignalled = 's', kFirstByte = 'f', kData = 'd', kProblem = 'e';

using std::chrono::duration_cast;
using std::chrono::microseconds;

// The file that tells HotSpot what SIGQUIT is for; gone again when this is.
class Trigger {
 public:
  Trigger() = default;
  Trigger(const Trigger&) = delete;
  Trigger& operator=(const Trigger&) = delete;
  ~Trigger() {
    if (folder_ >= 0) unlinkat(folder_, name_.c_str(), 0);
  }
  // Errors: of the last folder tried. One that is there already serves as well, and stays.
  Result<void> create(std::initializer_list<int> folders, const std::string& name, uint32_t uid) {
    Error last{ErrorCode::kNotFound, name, "its working directory and /tmp cannot be opened", 0};
    for (int folder : folders) {
      if (folder < 0) continue;
      UniqueFd file(openat(folder, name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600));
      bool ours = static_cast<bool>(file);
      if (!file && errno == EEXIST) file.reset(openat(folder, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
      if (!file) {
        last = sys_error(name, errno, "create");
        continue;
      }
      struct stat facts {};
      // Some filesystems give files to other users: HotSpot does not believe them.
      bool good = fstat(file.get(), &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_uid == uid;
      if (ours) folder_ = folder, name_ = name;
      if (good) return {};
      if (ours) unlinkat(folder, name.c_str(), 0);
      folder_ = -1;
      last = Error{ErrorCode::kUnsupported, name, "files made there belong to somebody else", 0};
    }
    return tl::unexpected(last);
  }

 private:
  int folder_ = -1;
  std::string name_;
};

class Exchange {
 public:
  Exchange(const JvmAttachRequest& request, Deadline deadline, FrameWriter& out)
      : request_(request),
        deadline_(deadline),
        out_(out),
        name_(fmt::format(".java_pid{}", request.own_pid)),
        shown_("/tmp/" + name_) {}

  void run() {
    auto done = become_its_user();
    if (done) done = connect_or_open();
    if (done) done = exchange();
    if (!done) {
      const Error& error = done.error();
      out_.frame(fmt::format("{}{} {} {}\n{}", kProblem, static_cast<int>(error.code), error.sys_errno, error.where,
                             error.detail));
    }
  }

 private:
  Deadline within(milliseconds span) const { return deadline_.earlier_of(Deadline::in(span)); }

  // The real user stays who we are, so that processes of that user have no power over this one.
  Result<void> become_its_user() const {
    if (geteuid() == request_.uid && getegid() == request_.gid) return {};
    if (geteuid() != 0)
      return fail(ErrorCode::kDenied, shown_,
                  fmt::format("a JVM answers its own user only, uid {} and gid {}", request_.uid, request_.gid));
    gid_t only = request_.gid;
    (void)setgroups(1, &only);  // refused in some user namespaces: then the groups stay
    if (setegid(request_.gid) != 0 || seteuid(request_.uid) != 0)
      return fail_errno(shown_, errno, fmt::format("becoming uid {} and gid {}", request_.uid, request_.gid));
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // the kernel forgets it when credentials change
    return {};
  }

  // False when there is none. Errors: denied (something else, or somebody else's, is at its place).
  Result<bool> socket_is_there() const {
    struct stat facts {};
    if (fstatat(request_.temporary.get(), name_.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return false;
      return fail_errno(shown_, errno);
    }
    if (!S_ISSOCK(facts.st_mode)) return fail(ErrorCode::kDenied, shown_, "it is no socket");
    if (facts.st_uid != request_.uid)
      return fail(ErrorCode::kDenied, shown_, fmt::format("it belongs to uid {}, not to the JVM's", facts.st_uid));
    return true;
  }

  Result<void> connect_to_it() {
    socket_.reset(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket_) return fail_errno(shown_, errno, "socket");
    if (fchdir(request_.temporary.get()) != 0) return fail_errno(shown_, errno, "enter its folder");
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::memcpy(to.sun_path, name_.c_str(), std::min(name_.size() + 1, sizeof to.sun_path - 1));
    auto connected = connect_within(socket_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to, shown_,
                                    within(request_.limits.connect));
    if (!connected) return connected;
    // Who listens: the process that called listen(2), in our PID namespace (unix(7)).
    ucred peer{};
    socklen_t size = sizeof peer;
    if (getsockopt(socket_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return fail_errno(shown_, errno, "peer");
    if (peer.pid != request_.target.pid || peer.uid != request_.uid)
      return fail(ErrorCode::kDenied, shown_, fmt::format("process {} of uid {} listens there", peer.pid, peer.uid));
    return {};
  }

  Result<void> connect_or_open() {
    auto there = socket_is_there();
    if (!there) return tl::unexpected(there.error());
    if (*there) {
      auto connected = connect_to_it();
      // Left behind by a JVM that had this pid before.
      bool stale = !connected && connected.error().sys_errno == ECONNREFUSED;
      if (!stale) return connected;
    }
    if (!request_.why_not_to_signal)
      return fail(ErrorCode::kNotFound, shown_,
                  *there ? "nobody listens on this attach socket" : "it has no such attach socket");
    return open_socket();
  }

  Result<void> open_socket() {
    if (auto why = request_.why_not_to_signal(); !why.empty()) return fail(ErrorCode::kUnsupported, "no signal", why);
    Trigger trigger;
    auto created = trigger.create({request_.working.get(), request_.temporary.get()},
                                  fmt::format(".attach_pid{}", request_.own_pid), request_.uid);
    if (!created) return created;
    if (auto sent = send_signal(); !sent) return sent;
    out_.frame(std::string(1, kSignalled));
    out_.flush();
    Deadline limit = within(request_.limits.open);
    while (true) {
      auto there = socket_is_there();
      if (!there) return tl::unexpected(there.error());
      if (*there) {
        // Between bind(2) and listen(2) it refuses for a moment; HotSpot gives it its name after both.
        auto connected = connect_to_it();
        if (connected || connected.error().sys_errno != ECONNREFUSED) return connected;
      }
      if (limit.passed())
        return fail(ErrorCode::kTimeout, shown_,
                    fmt::format("the JVM did not open it within {} after SIGQUIT; it may be hung",
                                human_duration(static_cast<double>(request_.limits.open.count()) / 1000)));
      poll(nullptr, 0, 10);
    }
  }

  Result<void> send_signal() const {
    if (auto change = changed(request_.target)) return fail(ErrorCode::kGone, shown_, *change);
    long done;
    if (request_.target.pidfd && *request_.target.pidfd)
      done = syscall(SYS_pidfd_send_signal, request_.target.pidfd->get(), SIGQUIT, nullptr, 0);
    else
      done = kill(request_.target.pid, SIGQUIT);
    if (done != 0) return fail_errno(fmt::format("SIGQUIT to {}", request_.target.pid), errno);
    return {};
  }

  // Version 1, then the command and its three arguments, each ended by NUL (attachListener.hpp).
  Result<void> exchange() {
    constexpr std::string_view kRequest("1\0threaddump\0\0\0\0", 16);
    static_assert(kRequest.back() == '\0');
    auto sent = send_all(socket_.get(), kRequest, shown_, within(request_.limits.connect));
    if (!sent) return sent;
    out_.touch("answer of the JVM");
    std::string bytes(64 * 1024, '\0');
    size_t total = 0;
    while (true) {
      milliseconds patience = total == 0 ? request_.limits.first_byte : request_.limits.between_bytes;
      auto got = receive_some(socket_.get(), bytes.data(), bytes.size(), shown_, within(patience));
      if (!got && got.error().code == ErrorCode::kTimeout) return tl::unexpected(no_answer(total, patience));
      if (!got) return tl::unexpected(got.error());
      if (*got == 0) return {};
      if (total == 0) out_.frame(std::string(1, kFirstByte));
      total += *got;
      out_.frame(kData + bytes.substr(0, *got));
      out_.flush();
      if (total >= request_.limits.bytes)
        return fail(ErrorCode::kTruncated, shown_,
                    fmt::format("more than {}", human_bytes(static_cast<double>(total))));
    }
  }

  Error no_answer(size_t total, milliseconds patience) const {
    std::string span = human_duration(static_cast<double>(patience.count()) / 1000);
    return {ErrorCode::kTimeout, shown_,
            total == 0
                ? fmt::format("the JVM did not answer within {}: it does not come to a standstill of its threads "
                              "(safepoint)",
                              span)
                : fmt::format("the JVM said nothing more for {}", span),
            0};
  }

  const JvmAttachRequest& request_;
  Deadline deadline_;
  FrameWriter& out_;
  std::string name_, shown_;
  UniqueFd socket_;
};

double since_ms(Clock::time_point start) {
  return static_cast<double>(duration_cast<microseconds>(Clock::now() - start).count()) / 1000;
}

// "CODE ERRNO where\ndetail".
Error problem_of(std::string_view text) {
  FieldCursor fields(text);
  auto code = fields.number<int>(), number = fields.number<int>();
  std::string_view rest = trim(fields.rest());
  size_t line = std::min(rest.find('\n'), rest.size());
  return {static_cast<ErrorCode>(code.value_or(static_cast<int>(ErrorCode::kIo))), std::string(rest.substr(0, line)),
          std::string(trim(rest.substr(line))), number.value_or(0)};
}

// The first line is a number, 0 when it went well, else what follows says what is wrong.
void take_result_line(JvmAnswer& answer) {
  size_t line = answer.text.find('\n');
  auto code = line == std::string::npos ? std::nullopt : parse_number<int>(answer.text.substr(0, line));
  if (!code) {
    if (!answer.problem) answer.problem = Error{ErrorCode::kMalformed, "attach socket", "expected a result code", 0};
    return;
  }
  answer.text.erase(0, line + 1);
  if (*code == 0) return;
  answer.problem = Error{ErrorCode::kUnsupported, "attach socket",
                         fmt::format("the JVM refused ({}): {}", *code, printable_line(trim(answer.text), 200)), 0};
  answer.text.clear();
}

}  // namespace

JvmAnswer ask_jvm(const JvmAttachRequest& request, Deadline deadline) {
  JvmAnswer answer;
  auto start = Clock::now();
  auto helper = HelperProcess::start([&](FrameWriter& out) { Exchange(request, deadline, out).run(); });
  if (!helper) {
    answer.problem = helper.error();
    return answer;
  }
  std::string frame;
  // A little longer than the helper gives itself.
  Deadline patience(deadline.at() + milliseconds(200));
  bool ended = false;
  while (!ended) {
    switch (helper->poll_frame(frame)) {
      case HelperProcess::Status::kFrame:
        if (frame.empty()) break;
        if (frame[0] == kSignalled) answer.signalled = true;
        if (frame[0] == kFirstByte) answer.first_byte_ms = since_ms(start);
        if (frame[0] == kData) answer.text.append(frame, 1);
        if (frame[0] == kProblem) answer.problem = problem_of(std::string_view(frame).substr(1));
        break;
      case HelperProcess::Status::kEnded:
        ended = true;
        break;
      case HelperProcess::Status::kNothingYet:
        if (patience.passed()) {
          answer.problem = Error{ErrorCode::kTimeout, helper->last_touch(), "no end in time", 0};
          ended = true;
          break;
        }
        pollfd waiting{helper->fd(), POLLIN, 0};
        poll(&waiting, 1, patience.remaining_ms());
    }
  }
  helper->exit_status(milliseconds(50));
  answer.total_ms = since_ms(start);
  if (!answer.text.empty()) take_result_line(answer);
  if (answer.text.empty() && !answer.problem)
    answer.problem = Error{ErrorCode::kTruncated, "attach socket", "the JVM ended the exchange without an answer", 0};
  return answer;
}

}  // namespace ec
