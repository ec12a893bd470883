// What only a core file tells: why the process ended, and how whole the file is. core(5).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ec {

// A program or library that was mapped.
struct CoreProgramState {
  std::string path, build_id;  // as in the memory of the core; "" = not there
  uint64_t begin = 0;
  bool executable = false;  // the program itself
  std::string problem;      // why the file on disk was not used; "" when it was
};

struct CoreFacts {
  std::string path;
  uint64_t file_bytes = 0, whole_bytes = 0;      // whole: what it would have if nothing were cut off
  uint64_t memory_bytes = 0, missing_bytes = 0;  // of memory: what it was to hold, and what the cut took
  std::vector<std::string> problems;             // of its notes

  bool by_debugger = false;  // which had stopped the process
  int tid = 0;               // who got the signal
  int signal = 0;            // 0: none; a debugger wrote the core of a live process
  int signal_code = 0;       // si_code, sigaction(2)
  bool has_details = false;  // there is a siginfo_t: the code and the next three are known
  uint64_t address = 0;      // what faulted
  int sender_pid = 0;
  uint32_t sender_uid = 0;
  // Where the faulting address and the stack pointer lie: "r--p /usr/bin/app"; "" = nothing is mapped there.
  std::string address_mapping, stack_mapping;
  std::string instruction;                                  // bytes at the program counter; "" = the file is not there
  std::vector<std::pair<std::string, uint64_t>> registers;  // of that thread
  std::vector<CoreProgramState> programs;

  std::optional<uint64_t> reg(std::string_view name) const {
    for (auto& [known, value] : registers)
      if (known == name) return value;
    return std::nullopt;
  }
};

}  // namespace ec
