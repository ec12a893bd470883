#include "collector/base/bundle.h"

#include <catch2/catch.hpp>

using namespace ec;

TEST_CASE("sections come back as they went in") {
  std::string bundle;
  append_section(bundle, "43/stat", "43 (a) S 1\n");
  append_section(bundle, "empty", "");
  append_section(bundle, "name with spaces 12", std::string("\0\xff==> x 3 <==\n", 14));
  append_failed_section(bundle, "43/stack",
                        Error{ErrorCode::kDenied, "/proc/43/stack", "needs CAP_SYS_ADMIN | really", 13});
  append_failed_section(bundle, "two words", Error{ErrorCode::kGone, "", "", 0});
  append_section(bundle, "last", "end");
  size_t whole = 0;
  auto sections = parse_bundle(bundle, &whole);
  CHECK(whole == bundle.size());
  REQUIRE(sections.size() == 6);
  CHECK(sections[0].name == "43/stat");
  CHECK(sections[0].bytes == "43 (a) S 1\n");
  CHECK(sections[1].bytes.empty());
  CHECK(!sections[1].failed);
  CHECK(sections[2].name == "name with spaces 12");
  CHECK(sections[2].bytes.size() == 14);
  CHECK(sections[3].failed);
  CHECK(sections[3].name == "43/stack");
  CHECK(sections[3].error.code == ErrorCode::kDenied);
  CHECK(sections[3].error.sys_errno == 13);
  CHECK(sections[3].error.detail == "needs CAP_SYS_ADMIN | really");
  CHECK(sections[4].name == "two words");
  CHECK(sections[4].error.code == ErrorCode::kGone);
  CHECK(sections[4].error.detail.empty());
  CHECK(sections[5].bytes == "end");
}

TEST_CASE("the form is what people see") {
  std::string bundle;
  append_section(bundle, "43/stat", "abc");
  append_failed_section(bundle, "43/stack", Error{ErrorCode::kDenied, "", "needs\nCAP_SYS_ADMIN", 13});
  CHECK(bundle == "==> 43/stat 3 <==\nabc\n==! denied 13 43/stack | needs CAP_SYS_ADMIN <==\n");
}

TEST_CASE("every error code survives") {
  for (int code = 0; code <= static_cast<int>(ErrorCode::kIo); ++code) {
    std::string bundle;
    append_failed_section(bundle, "x", Error{static_cast<ErrorCode>(code), "", "d", 0});
    REQUIRE(parse_bundle(bundle).size() == 1);
    CHECK(parse_bundle(bundle)[0].error.code == static_cast<ErrorCode>(code));
  }
}

TEST_CASE("a content that looks like a header is only bytes") {
  std::string bundle;
  append_section(bundle, "a", "\n==> evil 5 <==\nhello\n");
  append_section(bundle, "b\n==> evil 0 <==", "x");
  auto sections = parse_bundle(bundle);
  REQUIRE(sections.size() == 2);
  CHECK(sections[1].name == "b\\012==> evil 0 <==");
}

TEST_CASE("a name that looks like the end of a failed header does not hide the rest") {
  std::string bundle;
  append_failed_section(bundle, "odd | name", Error{ErrorCode::kGone, "", "why", 3});
  append_failed_section(bundle, "", Error{ErrorCode::kGone, "", "why", 3});
  append_section(bundle, "next", "x");
  auto sections = parse_bundle(bundle);
  REQUIRE(sections.size() == 3);
  CHECK(sections[0].failed);
  CHECK(sections[1].name.empty());
  CHECK(sections[1].error.detail == "why");
  CHECK(sections[2].name == "next");
}

TEST_CASE("a bundle cut short gives the sections before the cut") {
  std::string bundle;
  append_section(bundle, "a", "12345");
  size_t first = bundle.size();
  append_section(bundle, "b", "67890");
  for (size_t cut = 0; cut < bundle.size(); ++cut) {
    size_t whole = 99;
    auto sections = parse_bundle(std::string_view(bundle).substr(0, cut), &whole);
    CHECK(sections.size() == (cut >= first ? 1 : 0));
    CHECK(whole == (cut >= first ? first : 0));
  }
}

TEST_CASE("what is no bundle gives nothing") {
  for (std::string_view bad :
       {"", "text", "==> a", "==> a <==\n", "==> a x <==\n", "==> a 5 <==\nabc", "==> a 99999999999999999999999 <==\n",
        "==> a -1 <==\n\n", "==>  <==\n", "==> a 18446744073709551615 <==\nx\n", "==> a 3 <==\nabcX"})
    CHECK(parse_bundle(bad).empty());
}
