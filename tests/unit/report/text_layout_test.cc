#include "collector/report/text_layout.h"

#include <catch2/catch.hpp>

using namespace ec;

TEST_CASE("markdown text cannot become markup, HTML or a link") {
  CHECK(markdown_text("<script>alert(1)</script>") == "&lt;script&gt;alert(1)&lt;/script&gt;");
  CHECK(markdown_text("**bold** _it_ `code` [a](b)") == "\\*\\*bold\\*\\* \\_it\\_ \\`code\\` \\[a\\](b)");
  CHECK(markdown_text("see https://evil.example") == "see https\\://evil.example");
  CHECK(markdown_text("www.evil.example") == "www\\.evil.example");
  CHECK(markdown_text("me@evil.example") == "me\\@evil.example");
  CHECK(markdown_text("# heading") == "\\# heading");
  CHECK(markdown_text("- item") == "\\- item");
  CHECK(markdown_text("12. item") == "12\\. item");
  CHECK(markdown_text("a | b ~~c~~") == "a \\| b \\~\\~c\\~\\~");
  CHECK(markdown_text("a\n\n# b") == "a  # b");
  CHECK(markdown_text("&lt;") == "&amp;lt;");
}

TEST_CASE("a code span holds any backticks") {
  CHECK(markdown_code("plain") == "`plain`");
  CHECK(markdown_code("a`b") == "``a`b``");
  CHECK(markdown_code("`") == "`` ` ``");
  CHECK(markdown_code("x``` <b>") == "````x``` <b>````");
  CHECK(markdown_code("two\nlines") == "`two lines`");
  CHECK(markdown_code("") == "");
}

TEST_CASE("text that deceives the eye or the terminal is made visible") {
  CHECK(plain_line("\x1b[31mred") == "\xef\xbf\xbd[31mred");
  CHECK(plain_line("a\xe2\x80\xae"
                   "b") ==
        "a\xef\xbf\xbd"
        "b");  // right-to-left override
  CHECK(plain_line("a\xe2\x80\x8b"
                   "b") ==
        "a\xef\xbf\xbd"
        "b");  // zero-width space
  CHECK(plain_line("a\xc2\x9b"
                   "2J") ==
        "a\xef\xbf\xbd"
        "2J");  // C1 control sequence introducer
  CHECK(plain_line("\xff\xfe") == "\xef\xbf\xbd\xef\xbf\xbd");
  CHECK(plain_line("Grüße 日本") == "Grüße 日本");
}

TEST_CASE("display width: wide, combining, narrow") {
  CHECK(display_width("abc") == 3);
  CHECK(display_width("日本") == 4);
  CHECK(display_width("e\xcc\x81") == 1);
  CHECK(display_width("ü→×") == 3);
  CHECK(display_width("") == 0);
}

TEST_CASE("clip keeps to the width, at whole characters") {
  CHECK(clip("abcdef", 4) == "abc…");
  CHECK(clip("abcd", 4) == "abcd");
  CHECK(clip("日本語", 4) == "日…");
  CHECK(clip("abc", 0) == "abc");
}

TEST_CASE("wrap breaks at spaces, and long words anywhere") {
  CHECK(wrap("one two three", 7) == std::vector<std::string>{"one two", "three"});
  CHECK(wrap("abcdefghij", 4) == std::vector<std::string>{"abcd", "efgh", "ij"});
  CHECK(wrap("", 10) == std::vector<std::string>{""});
  CHECK(wrap("日本語", 1) == std::vector<std::string>{"日", "本", "語"});
  for (auto& line : wrap("The process waits for a lock that nobody gives back, 日本語 日本語 日本語", 12))
    CHECK(display_width(line) <= 12);
}

TEST_CASE("padded counts columns, not bytes") {
  CHECK(padded("日", 4) == "日  ");
  CHECK(padded_left("ü", 3) == "  ü");
  CHECK(padded("long", 2) == "long");
}

TEST_CASE("tables line up") {
  TextTable table({"name", ">bytes"});
  table.row({"日本", "1"});
  table.row({"a\nb"});
  CHECK(table.text() == "name  bytes\n日本      1\na b\n");
}

TEST_CASE("tones are escapes only with colour") {
  CHECK(toned("x", Tone::kRed, false) == "x");
  CHECK(toned("x", Tone::kRed, true) == "\x1b[31mx\x1b[0m");
}
