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
      {"^.$", "\xff", "\xff\xff"},
      {"sync\\.\\(\\*(RW)?Mutex\\)", "sync.(*Mutex).Lock", "sync.(*Map).Load"},
  };
  for (const Row& row : kRows) {
    INFO(row.pattern);
    CHECK(matches(row.pattern, row.found));
    if (row.not_found) CHECK(!matches(row.pattern, row.not_found));
  }
}

TEST_CASE("a pattern that is none says why") {
  CHECK(problem("a(b") == "the regular expression 'a(b' has a missing )");
  CHECK(problem("a)b") == "the regular expression 'a)b' has an unexpected )");
  CHECK(problem("[a") == "the regular expression '[a' has a missing ]");
  CHECK(problem("*a") == "the regular expression '*a' has nothing before * to repeat");
  CHECK(problem("a\\") == "the regular expression 'a\\' has a backslash at the end");
  CHECK(problem("\\pL") == "the regular expression '\\pL' has an unknown escape \\p");
  CHECK(problem("[z-a]") == "the regular expression '[z-a]' has a range that ends before it begins");
  CHECK(problem("(?x)a") == "the regular expression '(?x)a' has an unknown flag x");
  CHECK(problem("a{5,2}") == "the regular expression 'a{5,2}' has a bad count in {}");
  CHECK(problem("(a{1000}){1000}") == "the regular expression '(a{1000}){1000}' has more steps than are kept");
  CHECK(problem(std::string(100'000, '(')).ends_with("parentheses that are nested too deep"));
  CHECK(problem("[[:x:]]").ends_with("an unknown [:class:]"));
}

TEST_CASE("nothing that a text holds makes a pattern slow or deep") {
  std::string text(200'000, 'a');
  CHECK(!matches("(a|aa)*(a*)*b$", text));
  CHECK(matches("(a|aa)*$", text));
  CHECK(!matches("(a?){50}a{50}b", text));
}

TEST_CASE("a pattern of somebody else stops when its steps are used up") {
  auto slow = Pattern::compile("p", "(a?){100}b");
  REQUIRE(slow);
  size_t enough = 10'000'000, little = 1'000;
  CHECK(slow->found_in(std::string(1'000, 'a') + "b", enough));
  CHECK((enough > 0 && enough < 10'000'000));
  CHECK(!slow->found_in(std::string(1'000, 'a') + "b", little));
  CHECK(little == 0);
}
