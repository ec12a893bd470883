// Objects of Python that a frame refers to: code objects, and their strings and bytes. Each is checked for its type.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "collector/runtimes/python_stacks.h"

namespace ec {

class PythonCodes {
 public:
  // Both must outlive this object.
  PythonCodes(RuntimeMemory& memory, const PythonSite& site) : memory_(memory), site_(site) {}

  // Index of the code object at `address`; nothing when there is none.
  std::optional<uint32_t> at(uint64_t address);
  // Where in the source the frame stands. `instruction` is the word that the frame holds.
  int line(uint32_t code, uint64_t instruction) const;
  std::vector<PythonCode> take() { return std::move(codes_); }

 private:
  struct Lines {
    uint64_t instructions = 0;  // address of the first one
    int first_line = 0;
    std::string table;
  };
  bool has_type(uint64_t object, uint64_t type);
  std::optional<std::string> string(uint64_t address);
  std::optional<std::string> bytes(uint64_t address);

  RuntimeMemory& memory_;
  const PythonSite& site_;
  std::unordered_map<uint64_t, uint32_t> by_address_;
  std::vector<PythonCode> codes_;
  std::vector<Lines> lines_;  // parallel to codes_
};

}  // namespace ec
