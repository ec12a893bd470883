#include "collector/collectors/jvm.h"

#include <signal.h>

#include <catch2/catch.hpp>

#include "collector/collectors/jvm_gate.h"
#include "tests/support/program.h"

namespace ec {

namespace {

using Words = std::vector<std::string>;

// A JVM that may be sent SIGQUIT.
JvmSignalFacts ready() {
  JvmSignalFacts facts;
  facts.site = {"/usr/lib/jvm/lib/server/libjvm.so", true, false, true};
  facts.state = 'S';
  facts.signals_caught = 0x0000000101005ccf;  // of OpenJDK 17
  facts.age_seconds = 60;
  facts.options.words = {"-Xmx64m", "-cp", ".", "Main"};
  return facts;
}

JvmOptions options(const Words& arguments, const std::map<std::string, std::string>& environment = {}) {
  return jvm_options(arguments, environment, [](const std::string& file) -> Result<std::string> {
    if (file == "/etc/app.args") return "-Xmx1g # memory\n\"-Xrs\" '-Dname=a b'\n";
    return fail(ErrorCode::kGone, file, "no such file");
  });
}

bool holds(const JvmOptions& options, const std::string& word) {
  return std::find(options.words.begin(), options.words.end(), word) != options.words.end();
}

void put(RawStore& store, std::string path, std::string bytes) {
  ArtifactRow row;
  row.path = std::move(path);
  row.status = Status::kOk;
  store.add(std::move(row), std::move(bytes));
}

}  // namespace

TEST_CASE("a JVM that catches SIGQUIT may be sent it") { CHECK(why_not_to_signal(ready()) == ""); }

TEST_CASE("each reason not to send SIGQUIT is said") {
  auto why = [](auto change) {
    JvmSignalFacts facts = ready();
    change(facts);
    return why_not_to_signal(facts);
  };
  auto says = [](const std::string& text, const char* part) {
    INFO(text);
    return text.find(part) != std::string::npos;
  };
  CHECK(says(why([](auto& f) { f.signals_caught &= ~uint64_t{1 << (SIGQUIT - 1)}; }), "does not catch SIGQUIT"));
  CHECK(says(why([](auto& f) { f.signals_ignored = 1 << (SIGQUIT - 1); }), "ignores SIGQUIT"));
  CHECK(says(why([](auto& f) { f.options.words.emplace_back("-Xrs"); }), "-Xrs"));
  CHECK(says(why([](auto& f) { f.options.words.emplace_back("-XX:+ReduceSignalUsage"); }), "ReduceSignalUsage"));
  CHECK(says(why([](auto& f) { f.options.words.emplace_back("-XX:+DisableAttachMechanism"); }), "DisableAttach"));
  CHECK(says(why([](auto& f) { f.options.unread.emplace_back("app.args"); }), "app.args could not be read"));
  CHECK(says(why([](auto& f) { f.age_seconds = 1.2; }), "runs for 1.2 s only"));
  CHECK(says(why([](auto& f) { f.state = 'T'; }), "it is stopped"));
  CHECK(says(why([](auto& f) { f.state = 't'; }), "a debugger holds it"));
  CHECK(says(why([](auto& f) { f.frozen = true; }), "frozen"));
  CHECK(says(why([](auto& f) { f.site.openj9 = true; }), "OpenJ9"));
  CHECK(says(why([](auto& f) { f.site.hotspot = false; }), "HotSpot"));
  // nginx with a JVM inside ends on SIGQUIT, and its JVM may have been given -Xrs where nobody sees it.
  CHECK(says(why([](auto& f) { f.site.launcher = false; }), "inside another program"));
}

TEST_CASE("options of a JVM: arguments, variables, files") {
  CHECK(holds(options({"java", "-Xrs", "Main"}), "-Xrs"));
  CHECK_FALSE(holds(options({"java", "-Xmx1g", "Main"}), "-Xrs"));
  for (const char* name : {"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"})
    CHECK(holds(options({"java", "Main"}, {{name, "-Dx=1 '-Xrs'"}}), "-Xrs"));
  CHECK(holds(options({"java", "@/etc/app.args", "Main"}), "-Xrs"));
  CHECK(holds(options({"java", "@/etc/app.args", "Main"}), "-Dname=a b"));
  CHECK(holds(options({"java", "-XX:VMOptionsFile=/etc/app.args", "Main"}), "-Xrs"));
  CHECK(options({"java", "@gone.args", "Main"}).unread == Words{"gone.args"});
  CHECK(options({"java", "Main"}, {{"JDK_JAVA_OPTIONS", "@gone.args"}}).unread == Words{"gone.args"});
  CHECK(options({"java", "-XX:Flags=.hotspotrc", "Main"}).unread == Words{".hotspotrc"});
  // Behind the main class "@" is the program's own.
  CHECK(options({"java", "-cp", "x", "Main", "@all"}).unread.empty());
  CHECK(options({"java", "-jar", "app.jar", "@all"}).unread.empty());
  CHECK(jvm_option_words("a \"b c\"'d' # e\n f") == Words{"a", "b cd", "f"});
  CHECK(jvm_option_words("\"unfinished").size() == 1);
  CHECK(jvm_option_words("").empty());
}

TEST_CASE("Java names go to the native threads, by the number that the JVM sees") {
  RawStore store;
  put(store, "raw/jvm/threaddump.txt",
      "Full thread dump OpenJDK 64-Bit Server VM (17 mixed mode):\n"
      "\"a worker with a long name\" #12 prio=5 os_prio=0 tid=0x1 nid=0x10 runnable\n"
      "\"elsewhere\" #13 prio=5 os_prio=0 tid=0x1 nid=0x99 runnable\n"
      "\"again\" #14 prio=5 os_prio=0 tid=0x1 nid=0x10 runnable\nJNI global refs: 1, weak refs: 0\n");
  put(store, "raw/jvm/attach.txt", "library /opt/jdk/libjvm.so\nsignalled 1\nfirst_byte_ms 2.0\ntotal_ms 3.5\n");
  Snapshot snapshot;
  Thread thread;
  thread.tid = 4711, thread.ns_tid = 16, thread.name = "a worker with a";
  snapshot.threads = std::vector<Thread>{thread};
  parse_jvm(store, snapshot);
  REQUIRE(snapshot.jvm);
  CHECK(snapshot.jvm->tids == std::vector<int>{4711, 0, 0});
  CHECK(snapshot.jvm->libjvm == "/opt/jdk/libjvm.so");
  CHECK(snapshot.jvm->signalled);
  CHECK(snapshot.jvm->answered_ms == 3.5);
  CHECK(snapshot.threads->front().runtime_name == "a worker with a long name");
}

TEST_CASE("no answer of a JVM: its reason stays, and a damaged one is malformed") {
  Snapshot snapshot;
  parse_jvm(RawStore{}, snapshot);
  CHECK_FALSE(snapshot.jvm);
  RawStore store;
  put(store, "raw/jvm/threaddump.txt", "nonsense");
  parse_jvm(store, snapshot);
  REQUIRE_FALSE(snapshot.jvm);
  CHECK(snapshot.jvm.why().code == ErrorCode::kMalformed);
}

}  // namespace ec
