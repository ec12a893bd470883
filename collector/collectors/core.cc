#include "collector/collectors/core.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "collector/base/text.h"
#include "collector/collectors/target_source.h"
#include "collector/stacks/core_files.h"

namespace ec {

namespace {

using nlohmann::json;

constexpr std::string_view kPath = "raw/core.json";
constexpr size_t kMostPrograms = 4096, kInstructionBytes = 15;

constexpr std::array<std::pair<std::string_view, Register>, 17> kRegisterNames{{{"rip", Register::kRip},
                                                                                {"rsp", Register::kRsp},
                                                                                {"rbp", Register::kRbp},
                                                                                {"rax", Register::kRax},
                                                                                {"rbx", Register::kRbx},
                                                                                {"rcx", Register::kRcx},
                                                                                {"rdx", Register::kRdx},
                                                                                {"rsi", Register::kRsi},
                                                                                {"rdi", Register::kRdi},
                                                                                {"r8", Register::kR8},
                                                                                {"r9", Register::kR9},
                                                                                {"r10", Register::kR10},
                                                                                {"r11", Register::kR11},
                                                                                {"r12", Register::kR12},
                                                                                {"r13", Register::kR13},
                                                                                {"r14", Register::kR14},
                                                                                {"r15", Register::kR15}}};

std::string hex(uint64_t value) { return fmt::format("{:#x}", value); }

std::string mapping_words(const AddressSpace& space, uint64_t address) {
  const Region* region = space.find(address);
  if (!region) return {};
  return fmt::format("{}{}{} {}", region->readable ? 'r' : '-', region->writable ? 'w' : '-',
                     region->executable ? 'x' : '-', space.name(*region));
}

json registers_json(const CoreThread& thread) {
  json list = json::array();
  for (auto [name, reg] : kRegisterNames) list.push_back({name, hex(thread.registers.get(reg).value_or(0))});
  list.push_back({"eflags", hex(thread.flags)});
  list.push_back({"fs_base", hex(thread.fs_base)});
  list.push_back({"gs_base", hex(thread.gs_base)});
  return list;
}

json thread_json(const CoreThread& thread) {
  json object{{"tid", thread.tid},
              {"signal", thread.signal},
              {"user_seconds", thread.user_cpu_seconds},
              {"system_seconds", thread.system_cpu_seconds}};
  TaskSyscall call = blocked_call(thread);
  if (call.running) return object;
  json& shown =
      object["call"] = {{"number", call.number}, {"sp", hex(call.stack_pointer)}, {"pc", hex(call.program_counter)}};
  for (uint64_t argument : call.arguments) shown["arguments"].push_back(hex(argument));
  return object;
}

json signal_json(const CoreThread& first) {
  json object{{"tid", first.tid}, {"number", first.signal_info ? first.signal_info->number : first.signal}};
  if (const auto& info = first.signal_info) {
    object["code"] = info->code;
    object["address"] = hex(info->address);
    object["sender_pid"] = info->sender_pid;
    object["sender_uid"] = info->sender_uid;
  }
  return object;
}

json programs_json(GatherContext& context, const CoreFile& core) {
  CoreModuleFiles files(core, context.options.core_executable, may_open_of(context));
  json list = json::array();
  for (const CoreProgram& program : files.programs()) {
    // Data files are mapped as well: without an ELF header only the program itself counts.
    if ((!program.known && !program.executable) || list.size() == kMostPrograms) continue;
    json& object = list.emplace_back(json{{"path", program.path}, {"begin", hex(program.begin)}});
    if (!program.build_id.empty()) object["build_id"] = program.build_id;
    if (program.executable) object["executable"] = true;
    if (auto opened = files.open_program(program); !opened) object["problem"] = opened.error().message();
  }
  return list;
}

json process_json(const CoreProcess& process) {
  return {
      {"pid", process.pid},  {"ppid", process.ppid}, {"pgid", process.pgid}, {"sid", process.sid},
      {"uid", process.uid},  {"gid", process.gid},   {"nice", process.nice}, {"state", std::string(1, process.state)},
      {"comm", process.comm}};
}

}  // namespace

TargetIdentity identity_of(const CoreFile& core) {
  TargetIdentity target;
  target.pid = core.pid();
  target.comm = core.comm();
  if (const Region* entry = core.space().find(core.notes().auxv.value(AT_ENTRY).value_or(0)))
    target.executable.inode = entry->inode;
  return target;
}

void gather_core(GatherContext& context) {
  if (!context.options.core) return;
  const CoreFile& core = *context.options.core;
  const CoreNotes& notes = core.notes();
  const CoreThread& first = core.first_thread();
  const std::string source = source_of(context);
  if (notes.process && !notes.process->arguments.empty()) {
    std::string arguments = notes.process->arguments;
    std::replace(arguments.begin(), arguments.end(), ' ', '\0');
    context.out.artifact("raw/core/cmdline", source, arguments + '\0');
  }
  json root{{"file",
             {{"path", core.path()},
              {"bytes", core.size()},
              {"whole_bytes", core.whole_size()},
              {"memory_bytes", core.memory_bytes()},
              {"missing_bytes", core.missing_bytes()}}},
            {"problems", notes.problems},
            {"signal", signal_json(first)},
            {"registers", registers_json(first)}};
  if (notes.by_debugger) root["file"]["by_debugger"] = true;
  if (notes.process) root["process"] = process_json(*notes.process);
  if (first.signal_info) root["signal"]["address_mapping"] = mapping_words(core.space(), first.signal_info->address);
  root["signal"]["stack_mapping"] = mapping_words(core.space(), first.registers.sp());
  json& threads = root["threads"] = json::array();
  for (const CoreThread& thread : notes.threads) threads.push_back(thread_json(thread));
  root["programs"] = programs_json(context, core);
  context.out.touch("the instruction that the signal came from");
  std::array<unsigned char, kInstructionBytes> code{};
  size_t length = core.read(first.registers.pc(), code.data(), code.size());
  if (auto modules = length == 0 ? modules_of(context) : fail(ErrorCode::kSkipped, "", ""))
    for (size_t size = code.size(); size > 0 && length == 0; --size)
      if ((*modules)->read_code(first.registers.pc(), code.data(), size)) length = size;
  root["signal"]["instruction"] = fmt::format("{:02x}", fmt::join(code.begin(), code.begin() + length, ""));

  std::string text = root.dump(-1, ' ', false, json::error_handler_t::replace);
  if (core.missing_bytes() == 0 && notes.problems.empty())
    return context.out.artifact(kPath, source, text, Redact::kNothing);
  std::string reason = notes.problems.empty() ? "" : fmt::format("its notes: {}", fmt::join(notes.problems, ", "));
  if (core.missing_bytes() > 0)
    reason +=
        fmt::format("{}the core file is cut short at {} of {}", reason.empty() ? "" : "; ",
                    human_bytes(static_cast<double>(core.size())), human_bytes(static_cast<double>(core.whole_size())));
  context.out.partial(kPath, source, text, reason, Redact::kNothing);
}

}  // namespace ec
