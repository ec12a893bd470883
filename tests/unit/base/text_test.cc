#include "collector/base/text.h"

#include <catch2/catch.hpp>
#include <limits>

using namespace ec;

TEST_CASE("numbers are the whole of the text or nothing") {
  CHECK(parse_number<int>("42") == 42);
  CHECK(parse_number<int>("-1") == -1);
  CHECK(parse_number<unsigned>("ff", 16) == 255u);
  CHECK(parse_number<uint64_t>("18446744073709551615") == std::numeric_limits<uint64_t>::max());
  for (const char* bad : {"", " 1", "1 ", "0x1", "+1", "1.0", "one", "18446744073709551616"}) {
    INFO(bad);
    CHECK(!parse_number<uint64_t>(bad));
  }
  CHECK(!parse_number<unsigned>("-1"));
  CHECK(!parse_number<int8_t>("128"));
  CHECK(parse_double("1.50") == 1.5);
  CHECK(parse_double("-2e3") == -2000.0);
  for (const char* bad : {"", "1.5x", " 1", "nine"}) CHECK(!parse_double(bad));
  // avg10=nan is no number of the kernel's: nothing that is shown may be one.
  for (const char* bad : {"nan", "inf", "-inf", "infinity", "NAN"}) CHECK(!parse_double(bad));
}

TEST_CASE("trim takes blanks, line ends and NUL off both ends") {
  CHECK(trim("") == "");
  CHECK(trim(" \t\r\n") == "");
  CHECK(trim(std::string_view("\0 a b \0\n", 8)) == "a b");
  CHECK(trim("a") == "a");
}

TEST_CASE("fields and parts") {
  CHECK(split_fields(" a \t b  c ") == std::vector<std::string_view>{"a", "b", "c"});
  CHECK(split_fields("   ").empty());
  CHECK(split_fields("").empty());
  CHECK(split("a,,b,", ',') == std::vector<std::string_view>{"a", "", "b", ""});
  CHECK(split("", ',') == std::vector<std::string_view>{""});
}

TEST_CASE("lines keep their numbers") {
  LineCursor lines("/proc/42/maps", "one\n\nthree\nlast");
  CHECK(lines.next() == "one");
  CHECK(lines.next() == "");
  CHECK(lines.next() == "three");
  CHECK(lines.line_number() == 3);
  CHECK(lines.expected("'-' after start address").message() == "/proc/42/maps:3: expected '-' after start address");
  CHECK(lines.expected("x").code == ErrorCode::kMalformed);
  CHECK(lines.next() == "last");
  CHECK(!lines.next());
  CHECK(lines.line_number() == 4);
  LineCursor ended("x", "a\n");
  CHECK(ended.next() == "a");
  CHECK(!ended.next());
  CHECK(!LineCursor("x", "").next());
}

TEST_CASE("fields of a line, in order") {
  FieldCursor fields("  12 abc ff  rest of it");
  CHECK(fields.number<int>() == 12);
  CHECK(fields.word() == "abc");
  CHECK(fields.number<int>(16) == 255);
  CHECK(fields.rest() == "  rest of it");
  FieldCursor none("  ");
  CHECK(!none.word());
  CHECK(!none.number<int>());
  CHECK(none.rest().empty());
  // A field that is no number is gone all the same.
  FieldCursor odd("x 7");
  CHECK(!odd.number<int>());
  CHECK(odd.number<int>() == 7);
}

TEST_CASE("printable text is valid UTF-8 without control characters") {
  const std::string replaced = "\xEF\xBF\xBD";
  const std::pair<std::string, std::string> cases[] = {
      {"plain\ttext\n", "plain\ttext\n"},
      {"ü€😀", "ü€😀"},
      {"\x1b[31mred", replaced + "[31mred"},
      {std::string("a\0b", 3), "a" + replaced + "b"},
      {"\x7f", replaced},
      {"\xc2\x9b"
       "31m",
       replaced + "31m"},  // C1: CSI in one character
      {"\xff\xfe", replaced + replaced},
      {"\xc3", replaced},  // cut
      {"\xe2\x82", replaced + replaced},
      {"\xc0\xaf", replaced + replaced},  // overlong '/'
      {"\xe0\x80\xaf", replaced + replaced + replaced},
      {"\xed\xa0\x80", replaced + replaced + replaced},  // surrogate
      {"\xf4\x90\x80\x80", replaced + replaced + replaced + replaced},
      {"\xf5", replaced},
      {"\x80", replaced},
  };
  for (const auto& [given, expected] : cases) {
    INFO(given);
    CHECK(printable_utf8(given) == expected);
  }
}

TEST_CASE("a printable line is cut at a character") {
  CHECK(printable_line("a\nb\tc") == "a b c");
  CHECK(printable_line("abcdef", 3) == "abc…");
  CHECK(printable_line("abc", 3) == "abc");
  CHECK(printable_line("äöü", 3) == "ä…");
  CHECK(printable_line("äöü", 1) == "…");
  CHECK(printable_line("", 0) == "");
  CHECK(printable_line("a", 0) == "…");
  // Each bad byte becomes three: the limit holds for what comes out.
  CHECK(printable_line(std::string(1000, '\xff'), 10) == "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD…");
}

TEST_CASE("octal escapes of the kernel") {
  CHECK(unescape_octal("/mnt/a\\040b\\011c\\012d\\134e") == "/mnt/a b\tc\nd\\e");
  CHECK(unescape_octal("no escapes") == "no escapes");
  CHECK(unescape_octal("\\") == "\\");
  CHECK(unescape_octal("\\04") == "\\04");
  CHECK(unescape_octal("\\04x") == "\\04x");
  CHECK(unescape_octal("\\999\\400") == "\\999\\400");
  CHECK(unescape_octal("end\\040") == "end ");
  CHECK(unescape_octal("\\-01\\ 12") == "\\-01\\ 12");
}

TEST_CASE("sizes and times for people") {
  CHECK(human_bytes(17) == "17 B");
  CHECK(human_bytes(1536) == "1.5 KiB");
  CHECK(human_bytes(312 * 1024) == "312 KiB");
  CHECK(human_bytes(1610612736) == "1.5 GiB");
  CHECK(human_bytes(0) == "0 B");
  CHECK(human_bytes(-2048) == "-2.0 KiB");
  CHECK(human_bytes(1024 * 1024 - 1) == "1.0 MiB");  // not "1024 KiB"
  CHECK(human_bytes(1023.99 * 1024) == "1.0 MiB");
  CHECK(human_bytes(1e30).find("PiB") != std::string::npos);
  CHECK(human_duration(0.0000042) == "4 µs");
  CHECK(human_duration(0.0041) == "4.1 ms");
  CHECK(human_duration(12.3) == "12.3 s");
  CHECK(human_duration(59.99) == "1 min 0 s");  // not "60.0 s"
  CHECK(human_duration(0.99999) == "1.0 s");    // not "1000.0 ms"
  CHECK(human_duration(125) == "2 min 5 s");
  CHECK(human_duration(2 * 3600 + 5 * 60) == "2 h 5 min");
  CHECK(human_duration(3 * 86400 + 4 * 3600) == "3 d 4 h");
  CHECK(human_duration(-1.5) == "-1.5 s");
  CHECK(human_duration(0) == "0 s");
  CHECK(human_duration(1e300).find(" d ") != std::string::npos);  // no number overflows
}
