// What answers in the place of a JVM: well, badly, late, endlessly or not at all.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <optional>

#include "collector/base/helper_process.h"
#include "collector/collectors/jvm_attach.h"
#include "tests/support/place.h"
#include "tests/support/program.h"

namespace ec::test {

namespace {

// Listens as a JVM does, and does `serve` with each connection.
class Listener {
 public:
  explicit Listener(std::function<void(int)> serve) {
    helper_.emplace(*HelperProcess::start([&](FrameWriter& out) {
      if (chdir(folder_.path().c_str()) != 0) _exit(1);
      int fd = socket(AF_UNIX, SOCK_STREAM, 0);
      sockaddr_un at{};
      at.sun_family = AF_UNIX;
      std::snprintf(at.sun_path, sizeof at.sun_path, ".java_pid7");
      if (bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 || listen(fd, 5) != 0) _exit(1);
      out.frame("ready");
      out.flush();
      while (true) serve(accept(fd, nullptr, nullptr));
    }));
    std::string frame;
    REQUIRE(eventually([&] { return helper_->poll_frame(frame) == HelperProcess::Status::kFrame; }));
    target_.pid = helper_->pid();
  }
  JvmAnswer ask() {
    JvmAttachRequest request{target_, getuid(), getgid(), 7, UniqueFd(open(folder_.path().c_str(), O_PATH)), {}, {}};
    request.limits = {milliseconds(100), milliseconds(300), milliseconds(300), milliseconds(200), 100'000};
    return ask_jvm(request, Deadline::in(std::chrono::seconds(10)));
  }
  TargetIdentity& target() { return target_; }
  const TempDir& folder() const { return folder_; }

 private:
  TempDir folder_;
  std::optional<HelperProcess> helper_;
  TargetIdentity target_;
};

void say(int fd, std::string_view text) {
  char request[64];
  ssize_t got = recv(fd, request, sizeof request, 0);
  // Version 1, the command, three empty arguments.
  if (std::string_view(request, static_cast<size_t>(std::max<ssize_t>(got, 0))) !=
      std::string_view("1\0threaddump\0\0\0\0", 16))
    text = "99\nanother request\n";
  (void)send(fd, text.data(), text.size(), MSG_NOSIGNAL);
}

}  // namespace

TEST_CASE("a JVM that answers well, badly, late, endlessly or not at all") {
  SECTION("well") {
    Listener jvm([](int fd) { say(fd, "0\nFull thread dump X:\n"), close(fd); });
    JvmAnswer answer = jvm.ask();
    CHECK_FALSE(answer.problem);
    CHECK(answer.text == "Full thread dump X:\n");
    CHECK_FALSE(answer.signalled);
  }
  SECTION("it refuses") {
    Listener jvm([](int fd) { say(fd, "1\nInsufficient permission\n"), close(fd); });
    JvmAnswer answer = jvm.ask();
    REQUIRE(answer.problem);
    CHECK(answer.problem->detail == "the JVM refused (1): Insufficient permission");
    CHECK(answer.text.empty());
  }
  SECTION("never: no standstill") {
    Listener jvm([](int fd) { say(fd, ""); });
    JvmAnswer answer = jvm.ask();
    REQUIRE(answer.problem);
    CHECK(answer.problem->code == ErrorCode::kTimeout);
    CHECK(answer.problem->detail.find("safepoint") != std::string::npos);
  }
  SECTION("a part, then nothing: the part is kept") {
    Listener jvm([](int fd) { say(fd, "0\nFull thread dump X:\n"); });
    JvmAnswer answer = jvm.ask();
    REQUIRE(answer.problem);
    CHECK(answer.problem->code == ErrorCode::kTimeout);
    CHECK(answer.text == "Full thread dump X:\n");
  }
  SECTION("without end: cut at the limit") {
    Listener jvm([](int fd) {
      say(fd, "0\n");
      while (send(fd, "aaaaaaaaaaaaaaaa", 16, MSG_NOSIGNAL) > 0) {
      }
      close(fd);
    });
    JvmAnswer answer = jvm.ask();
    REQUIRE(answer.problem);
    CHECK(answer.problem->code == ErrorCode::kTruncated);
    CHECK(answer.text.size() < 400'000);
  }
  SECTION("no result code") {
    Listener jvm([](int fd) { say(fd, "HTTP/1.1 400 Bad Request\r\n"), close(fd); });
    JvmAnswer answer = jvm.ask();
    REQUIRE(answer.problem);
    CHECK(answer.problem->code == ErrorCode::kMalformed);
  }
  SECTION("it hangs up") {
    Listener jvm([](int fd) { close(fd); });
    JvmAnswer answer = jvm.ask();
    CHECK(answer.problem);
    CHECK(answer.text.empty());
  }
  SECTION("another process listens there") {
    Listener jvm([](int fd) { say(fd, "0\nFull thread dump X:\n"), close(fd); });
    jvm.target().pid = getpid();
    JvmAnswer answer = jvm.ask();
    REQUIRE(answer.problem);
    CHECK(answer.problem->code == ErrorCode::kDenied);
    CHECK(answer.problem->detail.find("listens there") != std::string::npos);
  }
  SECTION("no socket, a file and a link at its place") {
    Listener jvm([](int fd) { close(fd); });
    std::string place = jvm.folder() / ".java_pid7";
    REQUIRE(rename(place.c_str(), (jvm.folder() / "moved").c_str()) == 0);
    CHECK(jvm.ask().problem->code == ErrorCode::kNotFound);
    write_text(place, "");
    CHECK(jvm.ask().problem->detail == "it is no socket");
    unlink(place.c_str());
    REQUIRE(symlink("moved", place.c_str()) == 0);
    CHECK(jvm.ask().problem->detail == "it is no socket");
    unlink(place.c_str());
    REQUIRE(rename((jvm.folder() / "moved").c_str(), place.c_str()) == 0);
    if (!is_root() || !may_become_nobody()) return;
    REQUIRE(chown(place.c_str(), 65534, 65534) == 0);
    CHECK(jvm.ask().problem->detail.find("belongs to uid 65534") != std::string::npos);
  }
}

}  // namespace ec::test
