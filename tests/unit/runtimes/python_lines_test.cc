#include "collector/runtimes/python_lines.h"

#include <catch2/catch.hpp>

namespace ec {

TEST_CASE("lines of 3.8 and 3.9: the example of lnotab_notes.txt") {
  // Offsets 0, 6, 50, 350, 361 begin the lines 1, 2, 7, 207, 208; long steps take more than one pair.
  constexpr std::string_view table("\x00\x01\x06\x01\x2c\x05\xff\x00\x2d\x7f\x00\x49\x0b\x01", 14);
  auto line = [&](int64_t offset) { return python_line(PythonLineTable::kLnotab, table, 0, offset); };
  CHECK(line(0) == 1);
  CHECK(line(5) == 1);
  CHECK(line(6) == 2);
  CHECK(line(49) == 2);
  CHECK(line(50) == 7);
  CHECK(line(349) == 7);
  CHECK(line(350) == 207);
  CHECK(line(361) == 208);
  CHECK(line(100'000) == 208);
}

TEST_CASE("lines of 3.8 and 3.9 go back, too") {
  CHECK(python_line(PythonLineTable::kLnotab, std::string_view("\x02\xfe", 2), 10, 2) == 8);
  CHECK(python_line(PythonLineTable::kLnotab, std::string_view("\x02", 1), 10, 2) == 10);  // half a pair
}

TEST_CASE("lines of 3.10: pairs tell what follows, -128 is no line") {
  constexpr std::string_view table("\x04\x01\x02\x80\x04\xff\x00\x05\x02\x00", 10);
  auto line = [&](int64_t offset) { return python_line(PythonLineTable::kLineTable, table, 20, offset); };
  CHECK(line(-2) == 20);
  CHECK(line(0) == 21);
  CHECK(line(4) == 0);
  CHECK(line(6) == 20);
  CHECK(line(10) == 25);
  CHECK(line(12) == 0);  // behind the end
}

TEST_CASE("lines of 3.11: every form of locations.md") {
  // Short form; one-line form, two lines on; no columns, 100 back; long form, 63 on; no location; short form.
  constexpr std::string_view table("\x81\x00\xe0\x01\x02\xe8\x49\x03\xf0\x7e\x01\x00\x01\x01\xf8\x80\x00", 17);
  auto line = [&](int64_t offset) { return python_line(PythonLineTable::kLocations, table, 200, offset); };
  CHECK(line(-2) == 200);
  CHECK(line(0) == 200);
  CHECK(line(2) == 200);
  CHECK(line(4) == 202);
  CHECK(line(6) == 102);
  CHECK(line(8) == 165);
  CHECK(line(10) == 0);
  CHECK(line(12) == 165);
  CHECK(line(14) == 0);                                                                         // behind the end
  CHECK(python_line(PythonLineTable::kLocations, std::string_view("\xe8", 1), 1, 0) == 0);      // cut off
  CHECK(python_line(PythonLineTable::kLocations, std::string_view("\x01\x80", 2), 1, 0) == 0);  // begins in the middle
}

}  // namespace ec
