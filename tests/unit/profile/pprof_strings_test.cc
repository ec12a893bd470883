#include "collector/profile/pprof_strings.h"

#include <catch2/catch.hpp>
#include <map>

#include "collector/profile/pprof.h"
#include "tests/support/go_profiles.h"
#include "tests/support/profile_bytes.h"

using namespace ec;
using namespace ec::test;

namespace {

// Each string with what it is used for: "value classes 3", "text comment", …; new texts by `changes`.
struct Seen {
  std::map<std::string, std::string> uses, changes;
  PprofRewrite rewrite(std::string_view bytes, bool cut = false) {
    auto label_class = [](std::string_view key) -> uint8_t { return key == "a" ? 1 : key == "b" ? 2 : 0; };
    return rewrite_pprof_strings(
        bytes, cut, {label_class, [&](std::string_view text, const PprofStringUse& use) {
                       std::string words;
                       if (use.label_classes) words += "classes " + std::to_string(use.label_classes);
                       if (use.comment) words += "comment";
                       if (use.unknown) words += "unknown";
                       uses[std::string(text)] = words;
                       auto change = changes.find(std::string(text));
                       return change == changes.end() ? std::nullopt : std::optional<std::string>(change->second);
                     }});
  }
};

}  // namespace

TEST_CASE("a string is given with all that it is used for") {
  ProfileBytes profile;
  profile.sample({{"a", "one"}, {"c", "plain"}}).sample({{"b", "one"}, {"b", "two"}}).comment("./svc -x");
  Seen seen;
  PprofRewrite left = seen.rewrite(profile.whole());
  CHECK(left.read == profile.whole().size());
  CHECK(!left.bytes);
  CHECK(seen.uses == std::map<std::string, std::string>{{"samples", ""},
                                                        {"count", ""},
                                                        {"a", ""},
                                                        {"b", ""},
                                                        {"c", ""},
                                                        {"one", "classes 3"},
                                                        {"two", "classes 2"},
                                                        {"plain", ""},
                                                        {"main.main", ""},
                                                        {"/src/main.go", ""},
                                                        {"./svc -x", "comment"}});
}

TEST_CASE("only the strings change, whatever stands around them") {
  ProfileBytes profile;
  profile.sample({{"a", "one"}});
  std::string around = bytes_field(900, "later version") + number_field(901, 1) + number_field(9, 0);
  std::string head = profile.head(), table = profile.table();
  Seen seen;
  seen.changes = {{"one", "[redacted:secret:01234567]"}, {"later version", "x"}};
  PprofRewrite left = seen.rewrite(around + head + table + around);
  REQUIRE(left.bytes);
  size_t one = table.find(bytes_field(6, "one"));
  std::string new_around = bytes_field(900, "x") + number_field(901, 1) + number_field(9, 0);
  CHECK(*left.bytes == new_around + head + table.substr(0, one) + bytes_field(6, "[redacted:secret:01234567]") +
                           table.substr(one + 5) + new_around);
  CHECK(parse_pprof("p", *left.bytes)->samples.size() == 1);
}

TEST_CASE("indices that lead nowhere, fields that occur twice, comments packed or not") {
  ProfileBytes profile;
  uint64_t a = profile.string("a"), one = profile.string("one"), two = profile.string("two");
  auto label = [&](std::initializer_list<std::string> fields) {
    std::string bytes;
    for (const std::string& field : fields) bytes += field;
    return bytes_field(2, bytes_field(3, bytes));
  };
  std::string bytes = label({number_field(2, one), number_field(1, 0), number_field(1, a)}) +
                      label({number_field(1, ~uint64_t{0}), number_field(2, one)}) +
                      label({number_field(1, a), number_field(2, uint64_t{1} << 40)}) + number_field(13, two) +
                      number_field(13, 1000) + bytes_field(13, varint(two) + varint(1000)) + profile.whole();
  Seen seen;
  CHECK(seen.rewrite(bytes).read == bytes.size());
  CHECK(seen.uses["one"] == "classes 1unknown");
  CHECK(seen.uses["two"] == "comment");
}

TEST_CASE("a profile ends where it is cut or broken, and strings before it may be the value of any label") {
  ProfileBytes profile;
  profile.sample({{"a", "one"}}).sample({{"b", "two"}});
  std::string head = profile.head(), table = profile.table();
  Seen cut_in_table;
  std::string bytes = head + table;
  CHECK(cut_in_table.rewrite(bytes.substr(0, bytes.size() - 1)).read == bytes.size() - 14);  // "/src/main.go"
  CHECK(cut_in_table.uses["one"] == "classes 1");
  CHECK(cut_in_table.uses.count("/src/main.go") == 0);

  for (std::string broken :
       {bytes_field(2, bytes_field(3, "\x0a")), bytes_field(2, bytes_field(3, "\x0b")),
        bytes_field(2, bytes_field(3, bytes_field(2, "x"))), number_field(2, 1), std::string("\x0b"),
        bytes_field(13, "\xff"), std::string("\xff"), bytes_field(2, "long").substr(0, 4)}) {
    Seen table_first, table_last;
    CHECK(table_first.rewrite(table + broken + head).read == table.size());
    CHECK(table_first.uses["two"] == "unknown");
    CHECK(table_last.rewrite(head + broken + table).read == head.size());
    CHECK(table_last.uses.empty());
  }
  Seen nothing_missing, something_missing;
  nothing_missing.rewrite(table + head);
  something_missing.rewrite(table + head, true);
  CHECK(nothing_missing.uses["two"] == "classes 2");
  CHECK(something_missing.uses["two"] == "classes 2unknown");
  CHECK(Seen().rewrite("").read == 0);
  CHECK(Seen().rewrite("<html>").read == 0);
}

TEST_CASE("profiles as Go serves them go through unchanged") {
  for (const char* name : kGoProfiles) {
    std::string bytes = unpacked_go_fixture(name);
    Seen seen;
    PprofRewrite left = seen.rewrite(bytes);
    CHECK((left.read == bytes.size() && !left.bytes));
    CHECK(seen.uses.size() + 1 == parse_pprof(name, bytes)->strings.size());
    for (const auto& use : seen.uses) CHECK(use.second == "");
  }
}
