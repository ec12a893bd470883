#include "collector/collectors/logs.h"

#include <catch2/catch.hpp>

#include "collector/collectors/log_choice.h"
#include "collector/collectors/log_digest.h"
#include "tests/unit/collectors/files_fixture.h"

using namespace ec;

TEST_CASE("which open files are logs") {
  CHECK(log_likelihood("/var/log/nginx/error.log", 5, true) > log_likelihood("/var/log/nginx/access.log", 6, true));
  CHECK(log_likelihood("/srv/app/out.txt", 2, false) > 0);
  CHECK(log_likelihood("/srv/app/anything", 9, true) > 0);
  CHECK(log_likelihood("/srv/app/anything", 9, false) == 0);
  for (std::string_view path :
       {"/var/lib/redis/appendonly.aof", "/data/app.db-wal", "/data/00000000000000012345.log", "/dev/null",
        "/var/lib/postgresql/15/main/pg_wal/000000010000000000000001", "/srv/index.lock"})
    CHECK(log_likelihood(path, 9, path.ends_with(".aof")) == 0);
}

TEST_CASE("names of tails are safe") {
  CHECK(log_artifact("/var/log/nginx/error.log", 3) == "logs/3-error.log");
  CHECK(log_artifact("/tmp/a b\n../c d", 4) == "logs/4-c_d.log");
  CHECK(log_artifact("/", 5) == "logs/5-log.log");
  CHECK(log_artifact("/x/" + std::string(300, 'y'), 6).size() < 80);
}

TEST_CASE("tails begin at a line, or at least at a character") {
  CHECK(from_line_start("half\nwhole\n", true) == "whole\n");
  CHECK(from_line_start("first\nwhole\n", false) == "first\nwhole\n");
  CHECK(from_line_start("\x82\xacno end", true) == "no end");
  CHECK(from_line_start("half\n", true) == "half\n");
}

TEST_CASE("binary and protocol data are no logs") {
  CHECK(looks_like_log("2026-11-20 a line\nwith \x1b[31mcolour\x1b[0m\n"));
  CHECK_FALSE(looks_like_log(std::string_view("\0\1\2\3abc", 7)));
  CHECK_FALSE(looks_like_log("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n"));
  CHECK_FALSE(looks_like_log(""));
}

TEST_CASE("a digest counts patterns, worst first, and rates of the last five minutes") {
  std::string text;
  for (int minute = 0; minute < 20; ++minute)
    text += fmt::format("2026-11-20 22:{:02}:00 ERROR worker {} failed\n", minute, minute);
  text += "2026-11-20 22:20:00 INFO fine\n2026-11-20 22:20:00 FATAL gone\n2026-11-20 22:20:00 WARN hm\n";
  LogDigest digest;
  digest.add("logs/1-a.log", text);
  digest.add("logs/2-b.log", "ERROR worker 99 failed\n");  // no time: counts, but has no rate
  Logs logs;
  digest.finish(logs);
  CHECK(logs.lines == 24);
  CHECK(logs.error_lines == 22);
  REQUIRE(logs.digest.size() == 4);
  CHECK(logs.digest[0].level == "fatal");
  CHECK(logs.digest[1].pattern == "# # ERROR worker # failed");
  CHECK(logs.digest[1].count == 20);
  CHECK(logs.digest[1].line == 20);
  CHECK(logs.digest[2].artifact == "logs/2-b.log");
  CHECK(logs.digest[3].level == "warning");
  CHECK(logs.errors_per_minute.value_or(0) == Approx(6.0 / 5));  // five workers of 22:15 to 22:19, and the end
  CHECK(logs.span_seconds == 1200);
  REQUIRE(logs.last_errors.size() == 10);
  CHECK(logs.last_errors.back() == "2026-11-20 22:20:00 FATAL gone");
}

TEST_CASE("lines without times have no rate") {
  LogDigest digest;
  digest.add("logs/1-a.log", "ERROR a\nERROR a\n");
  Logs logs;
  digest.finish(logs);
  CHECK(logs.error_lines == 2);
  CHECK_FALSE(logs.errors_per_minute);
  CHECK_FALSE(logs.span_seconds);
}

TEST_CASE("a log that nobody writes any more has errors, but no rate") {
  RawStore store;
  std::string bundle;
  append_section(bundle, "logs/1-a.log",
                 "fd 1\nsize 90\ntail 90\ndeleted 0\nmodified 1795200000\npath /var/log/a b.log\n");
  add_text(store, "raw/logs.bundle", bundle);
  add_text(store, "logs/1-a.log", "2026-11-20 18:00:00 ERROR x\n2026-11-20 18:00:09 ERROR x\n");
  auto rate = [&](std::string_view now) {
    add_text(store, "raw/host/constants", fmt::format("wall_ns {}\n", now));
    Snapshot snapshot;
    parse_logs(store, snapshot);
    REQUIRE(snapshot.logs);
    CHECK(snapshot.logs->error_lines == 2);
    CHECK(snapshot.logs->tails.at(0).path == "/var/log/a b.log");
    return snapshot.logs->errors_per_minute;
  };
  CHECK(rate("1795200060000000000").has_value());
  CHECK_FALSE(rate("1795212000000000000").has_value());
}

TEST_CASE("the kernel's errors are in the digest, but are not the target's") {
  LogDigest digest;
  digest.add_kernel_log(parse_kmsg("3,1,5140900,-;EXT4-fs error (device sda1): bad block 17\n6,2,5140901,-;fine\n"));
  Logs logs;
  digest.finish(logs);
  REQUIRE(logs.digest.size() == 1);
  CHECK_FALSE(logs.digest[0].target_log);
  CHECK(logs.digest[0].level == "error");
  CHECK(logs.digest[0].artifact == "raw/kmsg.txt");
  CHECK(logs.error_lines == 0);
}

TEST_CASE("an archive with a deleted log is read again") {
  RawStore store = files_fixture("fd-every-kind");
  Snapshot snapshot;
  snapshot.target.pid = 42;
  parse_logs(store, snapshot);
  REQUIRE(snapshot.logs);
  REQUIRE(snapshot.logs->tails.size() == 1);
  CHECK(snapshot.logs->tails[0].fd == 17);
  CHECK(snapshot.logs->tails[0].deleted);
  CHECK(snapshot.logs->tails[0].size_bytes == snapshot.logs->tails[0].tail_bytes);
  REQUIRE(snapshot.logs->digest.size() == 1);
  CHECK(snapshot.logs->digest[0].count == 6);
  CHECK_FALSE(snapshot.logs->journal_lines);
  CHECK(snapshot.logs->journal_lines.why().detail == "/proc/42/cgroup: not in a unit of systemd");
}

TEST_CASE("nothing collected is no logs, with the reason") {
  Snapshot snapshot;
  parse_logs(RawStore(), snapshot);
  CHECK_FALSE(snapshot.logs);
  CHECK(snapshot.logs.why().code == ErrorCode::kNotFound);
}
