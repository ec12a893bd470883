#include "collector/proc/pid_stat.h"

#include "process_fixture.h"

using namespace ec;

TEST_CASE("pid_stat: a PostgreSQL postmaster") {
  auto stat = parse_pid_stat("stat", read_fixture("proc-postgres/stat"));
  REQUIRE(stat);
  CHECK(stat->comm == "postgres");
  CHECK(stat->state == 'S');
  CHECK(stat->threads == 1);
  CHECK(stat->start_ticks > 0);
  CHECK(stat->vm_size_bytes > 100u << 20);
  CHECK(stat->rss_pages > 1000);
  CHECK_FALSE(stat->kernel_thread());
  CHECK_FALSE(stat->zombie());
}

TEST_CASE("pid_stat: every field lands in its place") {
  auto stat = parse_pid_stat("stat",
                             "7 (x) R 1 2 3 4 5 4194304 10 11 12 13 14 15 -16 -17 20 -5 21 0 22 23 24 25 26 27 28 29 "
                             "30 31 32 33 34 35 36 37 38 "
                             "39 40 1 42 43 44 45 46 47 48 49 50 51 9\n");
  REQUIRE(stat);
  CHECK(stat->pid == 7);
  CHECK(stat->ppid == 1);
  CHECK(stat->pgrp == 2);
  CHECK(stat->session == 3);
  CHECK(stat->tty == 4);
  CHECK(stat->tty_pgrp == 5);
  CHECK(stat->flags == 4194304);
  CHECK(stat->minor_faults == 10);
  CHECK(stat->child_minor_faults == 11);
  CHECK(stat->major_faults == 12);
  CHECK(stat->child_major_faults == 13);
  CHECK(stat->user_ticks == 14);
  CHECK(stat->system_ticks == 15);
  CHECK(stat->child_user_ticks == -16);
  CHECK(stat->child_system_ticks == -17);
  CHECK(stat->priority == 20);
  CHECK(stat->nice == -5);
  CHECK(stat->threads == 21);
  CHECK(stat->start_ticks == 22);
  CHECK(stat->vm_size_bytes == 23);
  CHECK(stat->rss_pages == 24);
  CHECK(stat->stack_start == 28);
  CHECK(stat->last_cpu == 39);
  CHECK(stat->realtime_priority == 40);
  CHECK(stat->policy == 1);
  CHECK(stat->block_io_ticks == 42);
  CHECK(stat->guest_ticks == 43);
  CHECK(stat->exit_code == 9);
}

TEST_CASE("pid_stat: a name with parentheses, blanks, a newline and what looks like fields") {
  auto stat = parse_pid_stat("stat", read_fixture("proc-odd-names/stat"));
  REQUIRE(stat);
  CHECK(stat->comm == "a) R 1 (b\nc");
  CHECK(stat->state == 'S');
}

TEST_CASE("pid_stat: kernel thread and zombie") {
  auto thread = parse_pid_stat("stat", read_fixture("proc-kernel-thread/stat"));
  REQUIRE(thread);
  CHECK(thread->kernel_thread());
  CHECK(thread->ppid == 0);
  auto zombie = parse_pid_stat("stat", read_fixture("proc-zombie/stat"));
  REQUIRE(zombie);
  CHECK(zombie->zombie());
  CHECK(zombie->exit_code == 3 << 8);
}

TEST_CASE("pid_stat: an old kernel ends after rss") {
  auto stat = parse_pid_stat("stat", "7 () S 1 2 3 4 5 0 0 0 0 0 0 0 0 0 20 0 1 0 99 0 0");
  REQUIRE(stat);
  CHECK(stat->comm.empty());
  CHECK(stat->last_cpu == -1);
}

TEST_CASE("pid_stat: malformed") {
  for (const char* text : {"", "7", "7 (x", "7 )x(", "x (x) S 1", "7 (x) ", "7 (x) SS 1 2 3", "7 (x) S 1 2 3 4 5",
                           "7 (x) S 1 2 3 4 5 0 0 0 0 0 0 0 0 0 20 0 1 0 many 0 0",
                           "7 (x) S 1 2 3 4 5 0 0 0 0 0 99999999999999999999 0 0 0 20 0 1 0 99 0 0"}) {
    INFO(text);
    auto stat = parse_pid_stat("/proc/7/stat", text);
    REQUIRE_FALSE(stat);
    CHECK(stat.error().code == ErrorCode::kMalformed);
    CHECK(stat.error().where == "/proc/7/stat:1");
  }
}

TEST_CASE("pid_stat: scheduling policies in words") {
  CHECK(scheduler_name(0) == "SCHED_OTHER");
  CHECK(scheduler_name(1) == "SCHED_FIFO");
  CHECK(scheduler_name(6) == "SCHED_DEADLINE");
  CHECK(scheduler_name(4) == "policy 4");
}
