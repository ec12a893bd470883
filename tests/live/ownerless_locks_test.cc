// Locks that do not record who holds them, in real programs: what is said of a pile and of a circle, and of none.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>

#include "tests/live/python_programs.h"
#include "tests/support/place.h"

namespace ec::test {

namespace {

std::string page_of(pid_t pid) {
  TempDir folder;
  return collect({"--pid", std::to_string(pid), "--only", "threads,stacks,python,process", "-o", folder / "x.tar.zst"})
      .out;
}

bool all_wait(pid_t pid) {
  return eventually([&] {
    size_t tasks = 0, waiting = 0;
    for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid))) {
      ++tasks;
      waiting += read_text(task.path().string() + "/stat").find(") S ") != std::string::npos;
    }
    return tasks > 2 && tasks == waiting;
  });
}

// What a run says of this program, once all its threads wait.
std::string page_of_python(const std::string& python, const std::string& source) {
  PythonProgram program(python, source);
  REQUIRE(program.ready());
  REQUIRE(all_wait(program.pid()));
  return page_of(program.pid());
}

}  // namespace

TEST_CASE("Python: a pile on one lock is a convoy whose holder is not guessed") {
  for (const std::string& python : pythons()) {
    INFO(python);
    std::string page = page_of_python(python, R"(
import threading
cache = threading.Lock()
def look():
    with cache:
        pass
cache.acquire()
start(*[look] * 12)
time.sleep(1000)
)");
    INFO(page);
    CHECK(page.find("12 threads of") != std::string::npos);
    CHECK(page.find("wait for one Python lock at 0x") != std::string::npos);
    CHECK(page.find("does not record its owner. None of them ran between the two readings. They want it in look "
                    "(program.py:") != std::string::npos);
    CHECK(page.find("deadlocked") == std::string::npos);
  }
}

TEST_CASE("Python: two threads that take two locks in different order are suspected") {
  for (const std::string& python : pythons()) {
    INFO(python);
    std::string page = page_of_python(python, R"(
import threading
left, right, both = threading.Lock(), threading.Lock(), threading.Barrier(2)
def transfer(a, b):
    with a:
        both.wait()
        with b:
            pass
start(lambda: transfer(left, right), lambda: transfer(right, left))
time.sleep(1000)
)");
    INFO(page);
    CHECK(page.find("2 threads wait for 2 locks that record no owner, and none moves") != std::string::npos);
    CHECK(page.find("in transfer (program.py:") != std::string::npos);
    CHECK(page.find("is deadlocked") == std::string::npos);
  }
}

TEST_CASE("Python: idle pools, queues, events and joins are no locks that anybody holds") {
  for (const std::string& python : pythons()) {
    INFO(python);
    std::string page = page_of_python(python, R"(
import queue, threading
from concurrent.futures import ThreadPoolExecutor
pool = ThreadPoolExecutor(10)
list(pool.map(lambda each: time.sleep(0.05), range(40)))
simple, full, event = queue.SimpleQueue(), queue.Queue(), threading.Event()
sleeper = threading.Thread(target=time.sleep, args=(1000,))
sleeper.start()
start(*[simple.get] * 10, *[full.get] * 10, *[event.wait] * 10, *[sleeper.join] * 10)
time.sleep(1000)
)");
    INFO(page);
    CHECK(page.find("Python lock") == std::string::npos);
    CHECK(page.find("wait for one") == std::string::npos);
    CHECK(page.find("deadlock") == std::string::npos);
  }
}

TEST_CASE("Rust: two threads that take two mutexes in different order are suspected") {
  const char* home = std::getenv("HOME");
  TempDir folder;
  std::string program = folder / "two_mutexes";
  bool built = false;
  for (const std::string& compiler : {std::string("rustc"), std::string(home ? home : "") + "/.cargo/bin/rustc"})
    built =
        built ||
        run_program({compiler, "-g", "-o", program, EC_SOURCE_DIR "/tests/targets/rust/two_mutexes.rs"}).exit_code == 0;
  if (!built) return not_run_here("needs rustc");
  BackgroundProgram target({program});
  REQUIRE_FALSE(target.wait_for_line("ready").empty());
  REQUIRE(all_wait(target.pid()));
  std::string page = page_of(target.pid());
  INFO(page);
  CHECK(page.find("2 threads wait for 2 locks that record no owner, and none moves") != std::string::npos);
  CHECK(page.find("in two_mutexes::transfer, waits for the mutex (no owner written) at 0x") != std::string::npos);
}

}  // namespace ec::test
