#include "collector/collectors/fd_links.h"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

using namespace ec;
using std::chrono::milliseconds;

namespace {

using Seen = std::vector<std::pair<int, std::string>>;

Seen seen(const FdLinks& links) {
  Seen result;
  links.each([&](int fd, std::string_view text) {
    result.emplace_back(fd, text);
    return true;
  });
  return result;
}

// In another process, as the helpers are.
template <class Body>
void in_child(Body body) {
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    body();
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
}

}  // namespace

TEST_CASE("what one process reads the others see") {
  FdLinks links;
  links.expect();
  in_child([&] {
    links.clear();
    links.add(0, "/dev/null");
    links.add(7, "socket:[42]");
    links.publish();
  });
  REQUIRE(links.wait(milliseconds(0)));
  CHECK(seen(links) == Seen{{0, "/dev/null"}, {7, "socket:[42]"}});
}

TEST_CASE("nobody waits when nobody reads, and the first that asks reads") {
  FdLinks links;
  CHECK_FALSE(links.wait(milliseconds(10'000)));
  CHECK(links.claim());
  CHECK_FALSE(links.claim());
}

TEST_CASE("a reader that ends early keeps nobody waiting for ever") {
  FdLinks links;
  links.expect();
  in_child([&] {
    links.clear();
    links.add(0, "half");
  });
  CHECK_FALSE(links.wait(milliseconds(5)));
  links.clear();
  links.add(1, "whole");
  links.publish();
  REQUIRE(links.wait(milliseconds(5)));
  CHECK(seen(links) == Seen{{1, "whole"}});
}

TEST_CASE("what could not be read whole is read by the next") {
  FdLinks links;
  REQUIRE(links.claim());
  links.add(0, "half");
  links.give_up();
  CHECK_FALSE(links.wait(milliseconds(10'000)));
  CHECK(links.claim());
}

TEST_CASE("more links than there is room for are not shared") {
  FdLinks links;
  REQUIRE(links.claim());
  std::string longest(4096, 'x');
  for (int fd = 0; fd < 9000; ++fd) links.add(fd, longest);
  links.publish();
  CHECK_FALSE(links.wait(milliseconds(10'000)));
}
