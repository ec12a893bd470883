// Thread dumps of HotSpot JVMs, as jstack, jcmd Thread.print, SIGQUIT and the attach socket give them: JDK 8 to 21.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"

namespace ec {

struct JvmFrame {
  std::string method;  // "java.util.HashMap.get"; without the address that hidden classes have in their name
  std::string place;   // "HashMap.java:552", "Native Method", "Unknown Source"; without the module
};

enum class JvmLockUse {
  kLocked,           // has the monitor; a thread that waits on it in Object.wait() has given it back for that time
  kWaitingToLock,    // wants to enter the monitor
  kWaitingOn,        // in Object.wait()
  kWaitingToRelock,  // was woken in Object.wait() and wants the monitor back
  kParking,          // LockSupport.park with this blocker: a lock of java.util.concurrent, a condition, a queue …
};

struct JvmLock {
  JvmLockUse use = JvmLockUse::kLocked;
  uint64_t address = 0;    // of the object, at the moment of the dump: the garbage collector moves objects
  std::string class_name;  // "java.lang.Object"; "java.lang.Class for app.Main" for a static method's
  uint32_t frame = 0;      // position in the stack, 0 = innermost
};

struct JvmThread {
  std::string name;
  uint64_t number = 0;  // "#12"; 0: a thread of the VM itself, which runs no Java code
  bool daemon = false;
  std::optional<double> cpu_seconds, elapsed_seconds;  // JDK 11 and later
  uint64_t nid = 0;                                    // thread id in the PID namespace of the JVM
  std::string doing;                                   // "waiting for monitor entry", "runnable", "in Object.wait()"
  std::string state;                                   // "BLOCKED (on object monitor)"; "" for threads of the VM
  std::optional<uint32_t> stack;                       // index into JvmThreadDump::stacks
  std::vector<JvmLock> locks;                          // of its stack, innermost first
  std::vector<JvmLock> synchronizers;                  // "Locked ownable synchronizers", where the dump has them
};

// A line of a deadlock as the JVM itself found it: `thread` waits for what `holder` has.
struct JvmDeadlockWait {
  std::string thread, holder;  // names; holder "" = the JVM does not tell
  uint64_t object = 0;
  std::string class_name;
  bool synchronizer = false;  // of java.util.concurrent; else a monitor
};

struct JvmThreadDump {
  std::string taken;  // "2026-11-21 07:25:39", on the clock and in the time zone of the JVM; "" = not told
  std::string vm;     // "OpenJDK 64-Bit Server VM (17.0.15+6 mixed mode, sharing)"
  std::vector<JvmFrame> frames;
  std::vector<std::vector<uint32_t>> stacks;  // indices into frames, innermost first
  std::vector<JvmThread> threads;             // in the order of the dump
  std::vector<std::vector<JvmDeadlockWait>> deadlocks;
  std::optional<uint64_t> jni_global_references;
  bool whole = false;  // the list of threads reaches its end
};

// The first dump in the text; whatever stands before it (a log) is skipped, and so is every line that is none of a
// dump. A text that ends early gives what it has, with `whole` false. Errors: malformed (no "Full thread dump").
Result<JvmThreadDump> parse_jvm_threads(std::string_view where, std::string_view text);

}  // namespace ec
