#include "collector/base/helper_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

using namespace ec;

namespace {

// All frames until the helper ends or the deadline passes.
std::vector<std::string> frames_of(HelperProcess& helper) {
  std::vector<std::string> frames;
  Deadline deadline = Deadline::in(std::chrono::seconds(20));
  std::string frame;
  while (true) {
    switch (helper.poll_frame(frame)) {
      case HelperProcess::Status::kFrame:
        frames.push_back(frame);
        continue;
      case HelperProcess::Status::kEnded:
        return frames;
      case HelperProcess::Status::kNothingYet:
        break;
    }
    REQUIRE(!deadline.passed());
    pollfd ready{helper.fd(), POLLIN, 0};
    poll(&ready, 1, deadline.remaining_ms());
  }
}

}  // namespace

TEST_CASE("frames arrive whole and in order, small ones, empty ones and large ones") {
  std::string large(3 << 20, 'x');
  large[12345] = 'y';
  auto helper = HelperProcess::start([&](FrameWriter& out) {
    out.frame("first");
    out.frame("");
    out.frame(large);
    for (int i = 0; i < 10'000; ++i) out.frame(std::to_string(i));
  });
  REQUIRE(helper);
  auto frames = frames_of(*helper);
  REQUIRE(frames.size() == 10'003);
  CHECK(frames[0] == "first");
  CHECK(frames[1].empty());
  CHECK(frames[2] == large);
  CHECK(frames.back() == "9999");
  CHECK(helper->exit_status(std::chrono::seconds(20)) == 0);
  CHECK(helper->fd() == -1);
}

TEST_CASE("what a helper said before it died is kept, and how it died is told") {
  auto helper = HelperProcess::start([](FrameWriter& out) {
    out.frame("before");
    out.touch("the bad place", true);
    raise(SIGKILL);
  });
  REQUIRE(helper);
  CHECK(frames_of(*helper) == std::vector<std::string>{"before"});
  CHECK(helper->exit_status(std::chrono::seconds(20)) == -SIGKILL);
  CHECK(helper->last_touch() == "the bad place");

  auto leaver = HelperProcess::start([](FrameWriter&) { _exit(7); });
  REQUIRE(leaver);
  CHECK(frames_of(*leaver).empty());
  CHECK(leaver->exit_status(std::chrono::seconds(20)) == 7);
}

TEST_CASE("a helper that hangs is named, abandoned and gone") {
  auto helper = HelperProcess::start([](FrameWriter& out) {
    out.frame("one");
    out.touch(std::string(2000, 'z'));
    out.touch("/mnt/stuck", true);
    while (true) pause();
  });
  REQUIRE(helper);
  std::string frame;
  pollfd ready{helper->fd(), POLLIN, 0};
  REQUIRE(poll(&ready, 1, 20'000) == 1);
  REQUIRE(helper->poll_frame(frame) == HelperProcess::Status::kFrame);
  CHECK(frame == "one");
  CHECK(helper->poll_frame(frame) == HelperProcess::Status::kNothingYet);
  Deadline deadline = Deadline::in(std::chrono::seconds(20));
  while (helper->last_touch() != "/mnt/stuck" && !deadline.passed()) {
  }
  CHECK(helper->last_touch() == "/mnt/stuck");
  CHECK(helper->since_touch() >= nanoseconds::zero());
  CHECK(!helper->exit_status(milliseconds(1)));
  pid_t pid = helper->pid();
  helper->abandon();
  CHECK(helper->pid() == -1);
  CHECK(helper->poll_frame(frame) == HelperProcess::Status::kEnded);
  // It was killed; nobody waits for one in uninterruptible sleep, so it may still have to be reaped.
  int status = 0;
  pid_t reaped = waitpid(pid, &status, 0);
  CHECK((reaped == -1 || (reaped == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)));
}

TEST_CASE("a helper may be moved") {
  auto first = HelperProcess::start([](FrameWriter& out) { out.frame("a"); });
  auto second = HelperProcess::start([](FrameWriter& out) { out.frame("b"); });
  REQUIRE((first && second));
  HelperProcess moved = std::move(*first);
  CHECK(frames_of(moved) == std::vector<std::string>{"a"});
  moved = std::move(*second);
  CHECK(frames_of(moved) == std::vector<std::string>{"b"});
  CHECK(first->pid() == -1);
  CHECK(first->last_touch().empty());
  std::string frame;
  CHECK(first->poll_frame(frame) == HelperProcess::Status::kEnded);
}

TEST_CASE("a helper that writes nonsense instead of frames ends the stream") {
  auto helper = HelperProcess::start([](FrameWriter& out) {
    // A length of 4 GiB: the child's memory was overwritten.
    int fd = -1;
    for (int candidate = 3; candidate < 64; ++candidate)
      if (fcntl(candidate, F_GETFL) != -1 && (fcntl(candidate, F_GETFL) & O_ACCMODE) == O_WRONLY) fd = candidate;
    const char nonsense[] = "\xff\xff\xff\xffxxxxxxxx";
    if (write(fd, nonsense, sizeof nonsense) < 0) _exit(1);
    (void)out;
  });
  REQUIRE(helper);
  CHECK(frames_of(*helper).empty());
}

TEST_CASE("the child survives ^C and dies with SIGTERM although the parent handles both") {
  struct sigaction before {
  }, ours{};
  ours.sa_handler = [](int) {};
  sigaction(SIGTERM, &ours, &before);
  auto helper = HelperProcess::start([](FrameWriter& out) {
    raise(SIGINT);
    out.frame("alive");
    out.flush();
    raise(SIGTERM);
    out.frame("immortal");
  });
  sigaction(SIGTERM, &before, nullptr);
  REQUIRE(helper);
  CHECK(frames_of(*helper) == std::vector<std::string>{"alive"});
  CHECK(helper->exit_status(std::chrono::seconds(20)) == -SIGTERM);
}

TEST_CASE("blocked signals of the parent are not inherited") {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  auto helper = HelperProcess::start([](FrameWriter& out) {
    raise(SIGTERM);
    out.frame("immortal");
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  REQUIRE(helper);
  CHECK(frames_of(*helper).empty());
  CHECK(helper->exit_status(std::chrono::seconds(20)) == -SIGTERM);
}
