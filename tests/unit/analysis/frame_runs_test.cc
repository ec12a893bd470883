#include "collector/analysis/frame_runs.h"

#include <catch2/catch.hpp>
#include <string>

namespace ec {

namespace {

// "1 2 (3 4)x5 6"
std::string told(const std::vector<uint32_t>& frames) {
  std::string text;
  for (const FrameRun& run : frame_runs(frames)) {
    std::string inside;
    for (size_t i = run.begin; i < run.begin + run.length; ++i)
      inside += (inside.empty() ? "" : " ") + std::to_string(frames[i]);
    if (!text.empty()) text += ' ';
    text += run.times == 1 ? inside : "(" + inside + ")x" + std::to_string(run.times);
  }
  return text;
}

}  // namespace

TEST_CASE("frame runs: recursion of one function and of several") {
  CHECK(told({}).empty());
  CHECK(told({1, 2, 3}) == "1 2 3");
  CHECK(told({1, 2, 2, 2, 2, 2, 3}) == "1 (2)x5 3");
  CHECK(told({1, 2, 2, 2, 3}) == "1 2 2 2 3");  // three times are read faster than told
  CHECK(told({9, 1, 2, 1, 2, 1, 2, 1, 2, 1, 7}) == "9 (1 2)x4 1 7");
  CHECK(told({1, 1, 1, 1, 2, 2, 2, 2}) == "(1)x4 (2)x4");
  CHECK(told({1, 1, 2, 1, 1, 2, 1, 1, 2, 1, 1, 2}) == "(1 1 2)x4");
}

TEST_CASE("frame runs: every frame is in one run, whatever repeats") {
  std::vector<uint32_t> frames;
  for (uint32_t i = 0; i < 5000; ++i) frames.push_back(i * i % 7 + (i % 1000 > 900 ? i : 0));
  size_t at = 0;
  for (const FrameRun& run : frame_runs(frames)) {
    REQUIRE(run.begin == at);
    for (size_t i = 0; i < run.length * run.times; ++i) REQUIRE(frames[at + i] == frames[run.begin + i % run.length]);
    at += run.length * run.times;
  }
  CHECK(at == frames.size());
}

}  // namespace ec
