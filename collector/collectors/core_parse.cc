#include <algorithm>
#include <nlohmann/json.hpp>

#include "collector/base/text.h"
#include "collector/collectors/core.h"
#include "collector/collectors/json_members.h"
#include "collector/collectors/syscalls.h"
#include "collector/proc/cmdline.h"

namespace ec {

namespace {

using nlohmann::json;

constexpr std::string_view kPath = "raw/core.json", kCommandLine = "raw/core/cmdline";

CoreFacts facts_of(const json& root) {
  CoreFacts core;
  const json& file = object_of(root, "file");
  core.path = text_of(file, "path");
  core.file_bytes = whole_of(file, "bytes");
  core.whole_bytes = whole_of(file, "whole_bytes");
  core.memory_bytes = whole_of(file, "memory_bytes");
  core.missing_bytes = whole_of(file, "missing_bytes");
  core.by_debugger = flag_of(file, "by_debugger");
  for (const json& problem : list_of(root, "problems"))
    if (problem.is_string()) core.problems.push_back(problem.get<std::string>());
  const json& signal = object_of(root, "signal");
  core.tid = int_of(signal, "tid");
  core.signal = int_of(signal, "number");
  core.has_details = signal.contains("code");
  core.signal_code = int_of(signal, "code");
  core.address = hex_of(signal, "address");
  core.sender_pid = int_of(signal, "sender_pid");
  core.sender_uid = static_cast<uint32_t>(whole_of(signal, "sender_uid"));
  core.address_mapping = text_of(signal, "address_mapping");
  core.stack_mapping = text_of(signal, "stack_mapping");
  std::string code = text_of(signal, "instruction");
  for (size_t i = 0; i + 1 < code.size() && i < 30; i += 2)
    core.instruction += static_cast<char>(parse_number<unsigned>(std::string_view(code).substr(i, 2), 16).value_or(0));
  for (const json& pair : list_of(root, "registers"))
    if (pair.is_array() && pair.size() == 2 && pair[0].is_string())
      core.registers.emplace_back(pair[0].get<std::string>(), hex_value(pair[1]));
  for (const json& each : list_of(root, "programs"))
    if (each.is_object())
      core.programs.push_back({text_of(each, "path"), text_of(each, "build_id"), hex_of(each, "begin"),
                               each.value("executable", json()) == true, text_of(each, "problem")});
  return core;
}

Thread thread_of(const json& object, const ProcessStatus& process) {
  Thread thread;
  thread.tid = thread.ns_tid = int_of(object, "tid");
  // Of the names of threads a core keeps that of the first one only, as the name of the process.
  if (thread.tid == process.pid) thread.name = printable_line(process.comm, 64);
  thread.user_cpu_seconds = number_of(object, "user_seconds");
  thread.system_cpu_seconds = number_of(object, "system_seconds");
  thread.kernel_frames = Error{ErrorCode::kUnsupported, std::string(kPath), "a core file has none", 0};
  const json& call = object_of(object, "call");
  thread.state = call.empty() ? 'R' : 'S';
  if (call.empty()) {
    thread.call = Error{ErrorCode::kUnsupported, std::string(kPath), "running", 0};
    return thread;
  }
  BlockedCall blocked;
  blocked.number = int_of(call, "number");
  blocked.name = std::string(syscall_name("x86_64", blocked.number));
  blocked.stack_pointer = hex_of(call, "sp");
  blocked.program_counter = hex_of(call, "pc");
  for (const json& argument : list_of(call, "arguments"))
    if (blocked.arguments.size() < 6) blocked.arguments.push_back(hex_value(argument));
  blocked.arguments.resize(6);
  blocked.text = describe_call(blocked, [](int) { return std::string{}; });
  thread.call = std::move(blocked);
  return thread;
}

ProcessStatus process_of(const json& object, const Snapshot& snapshot) {
  ProcessStatus status;
  status.pid = object.empty() ? snapshot.target.pid : int_of(object, "pid");
  status.ppid = int_of(object, "ppid");
  status.pgid = int_of(object, "pgid");
  status.sid = int_of(object, "sid");
  status.uid = status.euid = static_cast<uint32_t>(whole_of(object, "uid"));
  status.gid = status.egid = static_cast<uint32_t>(whole_of(object, "gid"));
  status.nice = int_of(object, "nice");
  status.comm = text_of(object, "comm");
  status.ns_pids = {status.pid};
  return status;
}

}  // namespace

void parse_core(const RawStore& store, Snapshot& snapshot) {
  auto text = store.read(kPath);
  if (!text) return;
  json root = json::parse(*text, nullptr, false);
  if (!root.is_object()) {
    snapshot.threads = Error{ErrorCode::kMalformed, std::string(kPath), "expected a JSON object", 0};
    return;
  }
  snapshot.core = facts_of(root);
  ProcessStatus status = process_of(object_of(root, "process"), snapshot);
  std::vector<Thread> threads;
  for (const json& each : list_of(root, "threads"))
    if (each.is_object()) threads.push_back(thread_of(each, status));
  std::stable_sort(threads.begin(), threads.end(), [](const Thread& a, const Thread& b) { return a.tid < b.tid; });
  status.threads = threads.size();
  snapshot.process.status = std::move(status);
  snapshot.threads = std::move(threads);
  if (auto arguments = store.read(kCommandLine)) snapshot.process.command_line = parse_cmdline(*arguments);
  for (const CoreProgramState& program : snapshot.core->programs)
    if (program.executable) {
      snapshot.target.exe = program.path;
      snapshot.target.build_id = program.build_id;
    }
}

}  // namespace ec
