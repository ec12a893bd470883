#include "collector/collectors/forensics.h"

#include <catch2/catch.hpp>

using namespace ec;

namespace {

constexpr std::string_view kMaps = "raw/proc/42/maps";

std::vector<ForensicFact> facts_in(std::string_view maps, std::string_view language = "C/C++") {
  return mapping_facts(maps, kMaps, language);
}

void add(RawStore& store, std::string path, std::string bytes) {
  ArtifactRow row;
  row.path = std::move(path);
  store.add(row, std::move(bytes));
}

const ForensicFact* fact_of(const Snapshot& snapshot, std::string_view kind) {
  for (const ForensicFact& fact : *snapshot.forensics)
    if (fact.kind == kind) return &fact;
  return nullptr;
}

}  // namespace

TEST_CASE("an ordinary program has nothing odd in its maps") {
  CHECK(facts_in("55d0c0a00000-55d0c0a02000 r--p 00000000 fe:00 248056                     /usr/bin/sleep\n"
                 "55d0c0a02000-55d0c0a06000 r-xp 00002000 fe:00 248056                     /usr/bin/sleep\n"
                 "55d0c1a00000-55d0c1a21000 rw-p 00000000 00:00 0                          [heap]\n"
                 "7f1c00000000-7f1c00001000 r-xp 00000000 00:00 0                          [vdso]\n"
                 "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n")
            .empty());
}

TEST_CASE("writable and executable mappings of one name are one fact with its first line") {
  std::string maps =
      "7f0000000000-7f0000001000 r--p 00000000 00:00 0 \n"
      "7f0000010000-7f0000012000 rwxp 00000000 00:00 0 \n"
      "7f0000020000-7f0000021000 rwxp 00000000 00:00 0 \n"
      "7ffd00000000-7ffd00021000 rwxp 00000000 00:00 0                          [stack]\n";
  auto facts = facts_in(maps);
  REQUIRE(facts.size() == 2);
  CHECK(facts[0].kind == "writable-executable-mapping");
  CHECK(facts[0].subject == "[stack]");
  CHECK(facts[0].locator == "line 4");
  CHECK(facts[1].subject == "anonymous memory");
  CHECK(facts[1].detail ==
        "2 mappings, 12.0 KiB both writable and executable; no runtime that compiles code was recognised");
  CHECK(facts[1].severity == "medium");
  CHECK(facts[1].artifact == kMaps);
  CHECK(facts[1].locator == "line 2");
}

TEST_CASE("a runtime that compiles code makes it information") {
  std::string rwx = "7f0000010000-7f0000012000 rwxp 00000000 00:00 0 \n";
  CHECK(facts_in(rwx, "JVM 17.0.15").at(0).severity == "info");
  CHECK(facts_in(rwx, "Node 20.20.2").at(0).severity == "info");
  CHECK(facts_in(rwx, "CPython 3.11.2").at(0).severity == "medium");
  auto by_library =
      facts_in(rwx + "7f0000020000-7f0000021000 r-xp 00000000 fe:00 7 /usr/lib/postgresql/15/lib/llvmjit.so\n");
  CHECK(by_library.at(0).severity == "info");
  CHECK(by_library.at(0).detail.find("PostgreSQL's JIT") != std::string::npos);
}

TEST_CASE("code from memory, from deleted files and from places where users write") {
  auto facts = facts_in(
      "7f0000010000-7f0000012000 r-xp 00000000 00:01 5 /memfd:payload (deleted)\n"
      "7f0000020000-7f0000021000 r-xp 00000000 fe:00 6 /usr/lib/libssl.so.3 (deleted)\n"
      "7f0000030000-7f0000031000 r-xp 00000000 fe:00 7 /tmp/.x/lib.so\n"
      "7f0000040000-7f0000041000 r-xp 00000000 fe:00 8 /home/ann/app/addon.node\n"
      "7f0000050000-7f0000051000 r-xp 00000000 fe:00 9 /dev/shm/y.so (deleted)\n"
      "7f0000060000-7f0000061000 r--p 00000000 fe:00 9 /tmp/data\n"
      "7f0000070000-7f0000071000 rwxs 00000000 00:05 9 /SYSV00000000 (deleted)\n");
  auto severity = [&](std::string_view kind, std::string_view subject) {
    for (const ForensicFact& fact : facts)
      if (fact.kind == kind && fact.subject == subject) return fact.severity;
    return std::string("none");
  };
  CHECK(severity("memfd-mapping", "/memfd:payload") == "medium");
  CHECK(severity("deleted-mapping", "/usr/lib/libssl.so.3") == "low");
  CHECK(severity("writable-place-mapping", "/tmp/.x/lib.so") == "medium");
  CHECK(severity("writable-place-mapping", "/home/ann/app/addon.node") == "info");
  CHECK(severity("deleted-mapping", "/dev/shm/y.so") == "medium");
  CHECK(severity("writable-executable-mapping", "/SYSV00000000") == "medium");
  CHECK(severity("shared-memory-code", "/SYSV00000000") == "medium");
  CHECK(facts.size() == 7);
}

TEST_CASE("broken lines in maps are passed over, and many facts are cut") {
  CHECK(facts_in("nonsense\n7f00-7f01 rwx\n\n7f0000010000-7f0000012000 rwxp zz 00:00 0 \n").empty());
  std::string many;
  for (int i = 0; i < 3000; ++i)
    many += fmt::format("{:x}-{:x} r-xp 00000000 fe:00 7 /tmp/lib{}.so\n", 0x1000 + i * 0x1000, 0x2000 + i * 0x1000, i);
  CHECK(facts_in(many).size() == 20);
}

TEST_CASE("preloaded libraries") {
  auto facts =
      environment_facts(std::string_view("PATH=/bin\0LD_PRELOAD=/tmp/hook.so\0LD_PRELOADX=1\0LD_AUDIT=\0HOME=/", 63),
                        "raw/proc/42/environ");
  REQUIRE(facts.size() == 1);
  CHECK(facts[0].subject == "/tmp/hook.so");
  CHECK(facts[0].severity == "medium");
  CHECK(facts[0].locator == "variable LD_PRELOAD");
  CHECK(environment_facts("LD_PRELOAD=/usr/lib/libjemalloc.so.2", "e").at(0).severity == "info");
  CHECK(environment_facts("LD_PRELOAD=/usr/lib/libjemalloc.so.2:/tmp/x.so", "e").at(0).severity == "medium");
  CHECK(environment_facts("LD_AUDIT=/x.so", "e").at(0).kind == "preload");
  CHECK(environment_facts("", "e").empty());

  auto file = preload_file_facts("# nothing\n/lib/a.so:/lib/b.so  /lib/c.so # rest\n\n", "raw/forensics.bundle");
  REQUIRE(file.size() == 3);
  CHECK(file[1].subject == "/lib/b.so");
  CHECK(file[1].locator == "section ld.so.preload, line 2");
}

TEST_CASE("all of it from an archive, most severe first") {
  std::string bundle;
  append_section(bundle, "ld.so.preload", "/usr/local/lib/hook.so\n");
  append_section(bundle, "vanished/42", "app\t/srv/app (deleted)");
  append_section(bundle, "vanished/50", "old\t/usr/sbin/old (deleted)");
  append_section(bundle, "vanished/51", "old\t/usr/sbin/old (deleted)");
  append_section(bundle, "vanished/60", "runc\t/memfd:runc_cloned:/proc/self/exe (deleted)");
  append_section(bundle, "vanished/70", "kworker\t/memfd:x (deleted)");
  append_section(bundle, "vanished/nonsense", "x");
  RawStore store;
  add(store, std::string(kForensicsBundle), bundle);
  add(store, "raw/proc/42/maps", "7f0000010000-7f0000012000 rwxp 00000000 00:00 0 \n");
  add(store, "raw/proc/42/status", "Name:\tapp\nState:\tt (tracing stop)\nTracerPid:\t77\n");
  std::string processes;
  append_section(processes, "77/stat", "77 (gdb) S 1 77 77 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 5 1000 10");
  add(store, "raw/processes.bundle", processes);
  add(store, "raw/sock_diag/tcp.bin", "");
  Snapshot snapshot;
  snapshot.target.pid = 42;
  Executable executable;
  executable.path = "/srv/app";
  executable.deleted = true;
  executable.language = "C/C++";
  snapshot.executable = executable;
  SocketSummary sockets;
  Socket listener;
  listener.family = "tcp";
  listener.local = "0.0.0.0:31337";
  sockets.listening = {listener, listener};
  sockets.listening_owner = {PeerProcess{}, PeerProcess{99, "nginx", 3}};
  snapshot.sockets = sockets;
  parse_forensics(store, snapshot);
  REQUIRE(snapshot.forensics);
  CHECK(fact_of(snapshot, "deleted-executable")->subject == "/srv/app");
  CHECK(fact_of(snapshot, "preload")->subject == "/usr/local/lib/hook.so");
  CHECK(fact_of(snapshot, "tracer")->subject == "gdb (pid 77)");
  CHECK(fact_of(snapshot, "tracer")->locator == "line 3");
  CHECK(fact_of(snapshot, "unowned-listener")->subject == "tcp 0.0.0.0:31337");
  CHECK(fact_of(snapshot, "unowned-listener")->artifact == "raw/sock_diag/tcp.bin");
  std::map<std::string, const ForensicFact*> vanished;
  size_t listeners = 0;
  for (const ForensicFact& fact : *snapshot.forensics) {
    if (fact.kind == "vanished-executable") vanished[fact.subject] = &fact;
    listeners += fact.kind == "unowned-listener";
  }
  CHECK(listeners == 1);
  REQUIRE(vanished.size() == 3);  // not the target itself
  CHECK(vanished.at("/usr/sbin/old")->severity == "info");
  CHECK(vanished.at("/usr/sbin/old")->detail.starts_with("old (pid 50), old (pid 51): "));
  CHECK(vanished.at("/usr/sbin/old")->locator == "section vanished/50");
  CHECK(vanished.at("/memfd:runc_cloned:/proc/self/exe")->severity == "info");
  CHECK(vanished.at("/memfd:x")->severity == "medium");
  CHECK(snapshot.forensics->front().severity == "medium");
  CHECK(snapshot.forensics->back().severity == "info");
}

TEST_CASE("our own stack helper is no tracer to report") {
  RawStore store;
  add(store, std::string(kForensicsBundle), "");
  add(store, "raw/host/constants", "self_pid 1000\n");
  std::string processes;
  append_section(processes, "1001/stat",
                 "1001 (emergency-colle) S 1000 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 5 1000 10");
  add(store, "raw/processes.bundle", processes);
  Snapshot snapshot;
  snapshot.target.pid = 42;
  for (const char* tracer : {"0", "1000", "1001"}) {
    add(store, "raw/proc/42/status", std::string("TracerPid:\t") + tracer + "\n");
    parse_forensics(store, snapshot);
    REQUIRE(snapshot.forensics);
    CHECK(snapshot.forensics->empty());
  }
}

TEST_CASE("nothing stored, nothing claimed") {
  Snapshot snapshot;
  snapshot.target.pid = 42;
  parse_forensics(RawStore(), snapshot);
  CHECK(snapshot.forensics.why().code == ErrorCode::kNotFound);
}
