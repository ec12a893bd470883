#include <fmt/format.h>

#include <iterator>

#include "collector/analysis/core_words.h"
#include "collector/base/text.h"
#include "collector/report/derived.h"
#include "collector/report/text_layout.h"

namespace ec::derived {

namespace {

using Out = std::back_insert_iterator<std::string>;

void file_lines(const CoreFacts& core, std::string& text) {
  fmt::format_to(Out(text), "{}\n", plain_line(core.path, 4096));
  fmt::format_to(Out(text), "{} of {}; memory in it: {}", human_bytes(static_cast<double>(core.file_bytes)),
                 human_bytes(static_cast<double>(core.whole_bytes)),
                 human_bytes(static_cast<double>(core.memory_bytes - std::min(core.memory_bytes, core.missing_bytes))));
  if (core.missing_bytes > 0)
    fmt::format_to(Out(text), ", missing: {}", human_bytes(static_cast<double>(core.missing_bytes)));
  text += '\n';
  for (const std::string& problem : core.problems) fmt::format_to(Out(text), "notes: {}\n", plain_line(problem, 200));
}

}  // namespace

void core(const Snapshot& snapshot, Artifacts& out) {
  if (!snapshot.core) return;
  const CoreFacts& facts = *snapshot.core;
  std::string text;
  file_lines(facts, text);
  fmt::format_to(Out(text), "\n{}\n", plain_line(signal_words(snapshot), 400));
  if (std::string cause = ended_by_signal(facts) ? cause_words(snapshot) : ""; !cause.empty())
    fmt::format_to(Out(text), "{}\n", plain_line(cause, 400));
  if (facts.has_details && !facts.address_mapping.empty())
    fmt::format_to(Out(text), "address {:#x} is in: {}\n", facts.address, plain_line(facts.address_mapping, 300));
  fmt::format_to(Out(text), "stack pointer {:#x} is in: {}\n", facts.reg("rsp").value_or(0),
                 facts.stack_mapping.empty() ? "nothing that is mapped" : plain_line(facts.stack_mapping, 300));
  if (!facts.instruction.empty()) {
    text += "instruction at the program counter:";
    for (char byte : facts.instruction) fmt::format_to(Out(text), " {:02x}", static_cast<unsigned char>(byte));
    text += '\n';
  }
  fmt::format_to(Out(text), "\nRegisters of thread {}\n", facts.tid);
  for (const auto& [name, value] : facts.registers)
    fmt::format_to(Out(text), "  {:<8} {:#018x}\n", plain_line(name, 12), value);
  text += "\nPrograms and libraries: build id in the core, path, and why the file on disk was not used\n";
  for (const CoreProgramState& program : facts.programs) {
    fmt::format_to(Out(text), "  {:<40} {}\n", program.build_id.empty() ? "-" : plain_line(program.build_id, 64),
                   plain_line(program.path, 300));
    if (!program.problem.empty()) fmt::format_to(Out(text), "    not used: {}\n", plain_line(program.problem, 500));
  }
  out.push_back({"process/core.txt", "raw/core.json", text});
}

}  // namespace ec::derived
