#include "collector/stacks/code_bytes.h"

#include <array>
#include <cstring>

namespace ec {

namespace {

// mov $15,%rax; syscall: rt_sigreturn(2), as glibc, musl and Go have it (Go with a shorter move).
constexpr std::array<uint8_t, 9> kSigreturn{0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05};

}  // namespace

bool after_call(Modules& modules, uint64_t address) {
  std::array<uint8_t, 7> code{};
  if (address < 7 || !modules.read_code(address - 7, code.data(), 7)) return false;
  if (code[2] == 0xe8) return true;
  auto indirect = [&](size_t length) {
    size_t at = 7 - length;
    uint8_t form = code[at + 1];
    if (code[at] != 0xff || ((form >> 3) & 7) != 2) return false;
    uint8_t mode = form >> 6, base = form & 7;
    size_t expected = 2;
    if (mode != 3 && base == 4) ++expected;  // SIB byte
    if (mode == 1) expected += 1;
    if (mode == 2 || (mode == 0 && base == 5)) expected += 4;
    return expected == length;
  };
  return indirect(2) || indirect(3) || indirect(4) || indirect(6) || indirect(7);
}

bool called_directly(Modules& modules, uint64_t address, uint64_t target) {
  std::array<uint8_t, 5> code{};
  if (address < 5 || !modules.read_code(address - 5, code.data(), 5) || code[0] != 0xe8) return false;
  int32_t relative;
  std::memcpy(&relative, code.data() + 1, sizeof relative);
  return address + static_cast<uint64_t>(int64_t{relative}) == target;
}

bool returns_to_code(Modules& modules, uint64_t address) {
  return modules.executable(address) && after_call(modules, address);
}

bool is_sigreturn(Modules& modules, uint64_t pc) {
  std::array<uint8_t, 9> code{};
  return modules.read_code(pc, code.data(), code.size()) && code == kSigreturn;
}

bool is_goexit(Modules& modules, uint64_t address) {
  std::array<uint8_t, 7> code{};
  // nop; call goexit1; nop.
  return modules.read_code(address - 1, code.data(), code.size()) && code[0] == 0x90 && code[1] == 0xe8 &&
         code[6] == 0x90;
}

}  // namespace ec
