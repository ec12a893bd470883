// Strings of a profile beside what may be left of them. "#" stands for a placeholder.
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "collector/archive/redaction.h"
#include "collector/profile/gzip.h"
#include "collector/profile/pprof.h"
#include "tests/support/profile_bytes.h"

using namespace ec;
using namespace ec::test;

namespace {

Redacted redacted(const std::string& bytes) {
  static const Redactor one(true);
  return one.redact(Redact::kAuto, "profiles/127.0.0.1_6060/heap.pb.gz", bytes);
}

std::string content(const std::string& served) { return gunzip("p", served, 1 << 28).value(); }

// Strings behind the sample type, separated by "|".
std::string strings(const std::string& bytes) {
  auto profile = parse_pprof("p", bytes);
  REQUIRE(profile);
  std::string text;
  for (size_t i = 3; i < profile->strings.size(); ++i) text += (i > 3 ? "|" : "") + std::string(profile->strings[i]);
  for (size_t at; (at = text.find("[redacted:")) != std::string::npos;)
    text.replace(at, text.find(']', at) - at + 1, "#");
  return text;
}

std::string left_of(ProfileBytes profile) {
  std::string whole = profile.whole();
  Redacted bare = redacted(whole), packed = redacted(gzip(whole));
  CHECK(bare.count == packed.count);
  CHECK(content(packed.bytes) == bare.bytes);
  if (bare.count == 0) CHECK(packed.bytes == gzip(whole));
  return strings(bare.bytes);
}

const std::string kCode = "|main.main|/src/main.go";
const std::string kSecret = "hunter2-c4n4ry";

}  // namespace

TEST_CASE("the value of a label goes by the name of its key") {
  ProfileBytes labels;
  labels.sample({{"api_key", "abc"}, {"user", "bob"}})
      .sample({{"session", "short"}, {"session", "a1b2c3d4e5f6a7b8c9"}})
      .sample({{"http.request.header.authorization", "Bearer abc"}, {"tokens", "17"}})
      .sample({{"path", "/x?token=abc&y=1"}, {"empty_password", ""}});
  CHECK(left_of(labels) ==
        "api_key|#|user|bob|session|short|#|http.request.header.authorization|Bearer #|tokens|17|path|/x?token=#&y=1|"
        "empty_password" +
            kCode);
}

TEST_CASE("a string with several uses goes by the strictest") {
  ProfileBytes shared;
  shared.sample({{"user", "main.main"}}).sample({{"password", "main.main"}}).sample({{"password", "count"}});
  std::string left = redacted(shared.whole()).bytes;
  CHECK(strings(left) == "user|#|password|/src/main.go");
  CHECK(parse_pprof("p", left)->strings[2].starts_with("[redacted:secret:"));
}

TEST_CASE("comments are command lines, names of code are not") {
  ProfileBytes comments;
  comments.comment("./svc --listen :80 --api-key=abc -v")
      .comment("mysql -pabc -h db")
      .comment("--token")
      .comment("abc")
      .comment("built by bob")
      .function("auth::Token::new", "/srv/token.rs");
  CHECK(left_of(comments) ==
        "./svc --listen :80 --api-key=# -v|mysql -p# -h db|--token|#|built by bob|auth::Token::new|/srv/token.rs");
  ProfileBytes arguments;
  arguments.comment("--token").comment("abc").comment("-v");
  CHECK(left_of(arguments) == "--token|#|-v" + kCode);
  ProfileBytes names;
  names.function("eval(\"password='abc'\")", "/srv/ghp_abcdefghijklmnopqrstuvwxyz0123456789/main.go");
  CHECK(left_of(names) == "eval(\"password='#'\")|/srv/#/main.go");
}

TEST_CASE("what holds no secret stays as it was served, bit for bit") {
  for (const char* name : {"goroutine.pb.gz", "heap.pb.gz", "mutex.pb.gz", "profile.pb.gz"}) {
    std::ifstream file(std::string(EC_FIXTURES) + "/go-pprof/" + name, std::ios::binary);
    std::string served(std::istreambuf_iterator<char>(file), {});
    Redacted left = redacted(served);
    CHECK((left.bytes == served && left.count == 0));
  }
  ProfileBytes plain;
  plain.sample({{"user", "bob"}});
  for (const std::string& served :
       {plain.whole(), gzip(plain.head()) + gzip(plain.table()), gzip(plain.whole()) + "write error",
        std::string("\x1f\x8b"), std::string("404 page not found\n"), gzip("{\"error\": \"no memory\"}"), gzip("")})
    CHECK(redacted(served).bytes == served);
}

TEST_CASE("redacting a profile twice changes nothing") {
  ProfileBytes profile;
  profile.sample({{"token", "abc"}}).comment("svc --password abc");
  std::string once = redacted(gzip(profile.whole())).bytes;
  CHECK(once != gzip(profile.whole()));
  CHECK(redacted(once).bytes == once);
  Redactor off(false);
  CHECK(off.redact(Redact::kPprof, {}, gzip(profile.whole())).bytes == gzip(profile.whole()));
}

TEST_CASE("no cut of a profile shows the value of a label") {
  ProfileBytes profile;
  profile.string(kSecret);  // in front of its key
  profile.sample({{"api_key", kSecret}}).sample({{"user", "bob"}});
  std::string head = profile.head(), table = profile.table();
  for (const std::string& whole : {head + table, table + head, table + head + table}) {
    // A cut between fields does not show in a profile that is not packed.
    for (size_t size = 1; size < whole.size() && whole.starts_with(head); ++size) {
      INFO(size);
      std::string cut = whole.substr(0, size);
      CHECK(redacted(cut).bytes.find(kSecret) == std::string::npos);
      CHECK(content(redacted(gzip(cut)).bytes).find(kSecret) == std::string::npos);
    }
    std::string packed = gzip(whole);
    for (size_t size = 1; size < packed.size(); ++size) {
      INFO(size << " " << whole);
      std::string left = redacted(packed.substr(0, size)).bytes;
      CHECK(unpack_gzip("p", left, 1 << 20).content.find(kSecret) == std::string::npos);
    }
  }
}

TEST_CASE("a cut profile keeps the fields that are whole") {
  ProfileBytes profile;
  profile.sample({{"api_key", kSecret}}).sample({{"user", "bob"}});
  std::string whole = profile.whole();
  Redacted left = redacted(whole.substr(0, whole.size() - 1));
  CHECK(left.count == 1);
  CHECK(left.bytes.starts_with(profile.head()));
  CHECK(left.bytes.ends_with(bytes_field(6, "bob") + bytes_field(6, "main.main")));
}

TEST_CASE("secrets around and behind a profile, and in what is none, go") {
  ProfileBytes profile;
  profile.sample({{"api_key", kSecret}});
  std::string head = profile.head(), table = profile.table(), packed = gzip(head + table), later = gzip("later");
  std::string named = gzip("x");
  named[3] = 8;  // RFC 1952, 2.3: FLG.FNAME
  named.insert(10, "password=" + kSecret + std::string(1, '\0'));
  std::string broken = packed + later;
  broken[packed.size() + 12] ^= 0x55;
  for (const std::string& served : {
           gzip(head) + gzip(table),                    // two members
           packed + "\npassword=" + kSecret,            // text behind it
           broken,                                      // a broken member behind it
           gzip("log in: password=" + kSecret),         // text
           "log in: password=" + kSecret,               // text, not packed
           std::string("\0\1password=", 11) + kSecret,  // neither
           head + "\x0b" + table,                       // a field of an unknown kind
           table + "\x0b" + head,
           head + bytes_field(2, "\x1a\x7f") + table,
           head + table + bytes_field(900, "password=" + kSecret),  // a later version of the format
           named,
       }) {
    Redacted left = redacted(served);
    CHECK(left.bytes.find(kSecret) == std::string::npos);
    CHECK(unpack_gzip("p", left.bytes, 1 << 20).content.find(kSecret) == std::string::npos);
  }
  CHECK(redacted(packed + "\npassword=" + kSecret).count == 2);
  CHECK(redacted(packed + "\npassword=" + kSecret).bytes.find("\npassword=[redacted:") != std::string::npos);
}

TEST_CASE("content over the limit is left out, strings over theirs are hidden whole") {
  ProfileBytes profile;
  profile.sample({{"user", "bob"}});
  std::string zeros(16 << 20, '\0'), bomb;
  for (int i = 0; i < 17; ++i) bomb += gzip(zeros);
  Redacted left = redacted(gzip(profile.whole()) + bomb);
  CHECK(strings(content(left.bytes)) == "user|bob" + kCode);
  ProfileBytes long_comment;
  long_comment.comment(std::string(2 << 20, 'x'));
  CHECK(left_of(long_comment) == "#" + kCode);
}

TEST_CASE("a profile made of secrets is redacted within bounds") {
  std::string many;
  for (int i = 0; i < 300'000; ++i) many += bytes_field(6, "pw=" + std::to_string(i));
  Redacted left = redacted(bytes_field(6, "") + many);
  CHECK(left.count == 300'000);
  CHECK(left.bytes.ends_with(bytes_field(6, "")));
  CHECK(left.bytes.size() < 20'000'000);
}
