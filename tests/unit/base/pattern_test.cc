#include "collector/base/pattern.h"

#include <catch2/catch.hpp>

using namespace ec;

namespace {

bool matches(const std::string& pattern, const std::string& text) {
  auto compiled = Pattern::compile("p", pattern);
  INFO(pattern);
  REQUIRE(compiled);
  return compiled->found_in(text);
}

std::string problem(const std::string& pattern) {
  auto compiled = Pattern::compile("--focus", pattern);
  REQUIRE(!compiled);
  CHECK(compiled.error().code == ErrorCode::kUsage);
  return compiled.error().detail;
}

}  // namespace

TEST_CASE("patterns find what those of Go find") {
  struct Row {
    const char *pattern, *found, *not_found;
  };
  // As answered by regexp.MatchString of Go 1.19.
  static constexpr Row kRows[] = {
      {"main", "x.main.y", "Main"},
      {"", "", nullptr},
      {"^$", "", "a"},
      {"^main\\.", "main.run", "x.main.run"},
      {"a.c", "abc", "a\nc"},
      {"(?s)a.c", "a\nc", "ac"},
      {"a.c",
       "a\xc3\xa4"
       "c",
       "ac"},
      {"^a|b$", "xb", "xa"},
      {"(foo|bar)+baz", "foobarbaz", "foba"},
      {"^(ab*|c)d?$", "abbbd", "abcd"},
      {"^a{2,3}$", "aaa", "aaaa"},
      {"^a{2,}$", "aaaaaaa", "a"},
      {"^a{2}$", "aa", "aaa"},
      {"^(ab){0,2}c$", "ababc", "abababc"},
      {"^a{0}b$", "b", "ab"},
      {"a{,2}", "a{,2}", "aa"},
      {"^x*?y+?$", "xxyy", "xx"},
      {"[a-c]x", "bx", "dx"},
      {"^[^a-c]+$", "xyz", "xbz"},
      {"[]x]", "]", "["},
      {"^[-a]+$", "a-a", "b"},
      {"\\d+\\s\\w", "12 z", "x y"},
      {"^\\D\\S\\W$", "xy!", "1y!"},
      {"^[\\d.]+$", "1.2", "1,2"},
      {"^[^\\D]+$", "12", "1x"},
      {"[[:upper:]]x", "Ax", "ax"},
      {"^[[:^digit:]]$", "x", "1"},
      {"(?i)MAIN", "main", "mian"},
      {"(?i:M)AIN", "mAIN", "main"},
      {"(?i)^[a-c]+$", "ABC", "ABD"},
      {"a(?i)b|c", "C", "A"},
      {"^(?:a|)b$", "b", "c"},
      {"(?P<name>x)y", "xy", "x"},
      {"\\bfoo\\b", "a foo b", "afoob"},
      {"\\Boo", "foo", "oo"},
      {"\\Aa\\z", "a", "ba"},
      {"(?m)^b$", "a\nb\nc", "ab"},
      {"\\Qa.b\\Ec", "a.bc", "axbc"},
      {"\\x41\\x{e4}", "A\xc3\xa4", "A"},
      {"^(a*)*$", "aaaa", "b"},
      {"^(a|b|ab)*c", "abababc", "ababab"},
      {"\\(\\*T\\)\\.", "main.(*T).f", "main.T.f"},
      {"operator new\\[\\]", "operator new[](unsigned long)", "operator new(unsigned long)"},
      {"{x", "{x", "x"},
      {"^\\pL\\p{Greek}\\P{Greek}$", "\xc3\xa4\xce\xbb!", "a!b"},
      {"(?i)\xc3\x84", "\xc3\xa4", "a"},
      {"sync\\.\\(\\*(RW)?Mutex\\)", "sync.(*Mutex).Lock", "sync.(*Map).Load"},
  };
  for (const Row& row : kRows) {
    INFO(row.pattern);
    CHECK(matches(row.pattern, row.found));
    if (row.not_found) CHECK(!matches(row.pattern, row.not_found));
  }
}

TEST_CASE("a byte that is no UTF-8 is passed by no character, and what is beside it is found") {
  CHECK(!matches("^.$", "\xff"));
  CHECK(!matches("a[^b]c",
                 "a\xff"
                 "c"));
  CHECK(matches("^a\\Cc$",
                "a\xff"
                "c"));
  CHECK(matches("main\\.",
                "\xff"
                "main.run\xc3"));
  CHECK(!matches("\\x{ff}", "\xff"));
}

TEST_CASE("a pattern that is none says why") {
  CHECK(problem("a(b") == "the regular expression is refused: missing ): a(b");
  for (const char* pattern : {"a)b", "[a", "*a", "a\\", "[z-a]", "(?x)a", "a{5,2}", "[[:x:]]", "\\pX", "\xff"}) {
    INFO(pattern);
    CHECK(problem(pattern).starts_with("the regular expression is refused: "));
  }
}

TEST_CASE("a pattern that takes too much memory is refused, and in short words") {
  CHECK(problem("(a{1000}){1000}").ends_with("invalid repetition size: {1000}"));
  CHECK(problem("(\\pL|\\pN){200}").ends_with("pattern too large - compile failed"));
  CHECK(problem(std::string(10'000, '(')).size() < 200);
  CHECK(problem(std::string(10'001, 'a')).ends_with("10001 bytes, at most 10000 are taken"));
  CHECK(matches(std::string(10'000, 'a'), std::string(10'000, 'a')));
}

TEST_CASE("nothing that a text holds makes a pattern slow or deep") {
  std::string text(200'000, 'a');
  CHECK(!matches("(a|aa)*(a*)*b$", text));
  CHECK(matches("(a|aa)*$", text));
  CHECK(!matches("(a?){50}a{50}b", text));
}

TEST_CASE("a pattern of somebody else looks at no text that could take more steps than are left") {
  auto slow = Pattern::compile("p", "(a?){100}b");
  REQUIRE(slow);
  std::string text = std::string(1'000, 'a') + "b";
  size_t steps = 1'000'000;
  CHECK(slow->found_in(text, steps));
  size_t one_text = 1'000'000 - steps;
  CHECK((one_text > 100 * text.size() && one_text < 500 * text.size()));

  steps = 2 * one_text;
  CHECK(slow->found_in(text, steps));
  CHECK(steps == one_text);
  CHECK(slow->found_in(text, steps));
  CHECK(steps == 0);
  steps = one_text - 1;
  CHECK(!slow->found_in(text, steps));
  CHECK(steps == 0);
  CHECK(!slow->found_in("b", steps));
}
