// Registers of one thread of an x86-64 process, as far as they are known: of a thread that is read without a stop only
// program counter and stack pointer are.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

namespace ec {

// DWARF numbers, System V psABI for x86-64, figure 3.36; 16 is the return address column.
enum class Register : uint8_t {
  kRax,
  kRdx,
  kRcx,
  kRbx,
  kRsi,
  kRdi,
  kRbp,
  kRsp,
  kR8,
  kR9,
  kR10,
  kR11,
  kR12,
  kR13,
  kR14,
  kR15,
  kRip,
  kFsBase  // no number of DWARF: the thread pointer, of the innermost frame only
};
constexpr size_t kRegisterCount = 17;  // of those that unwinding follows, without kFsBase

class Registers {
 public:
  bool has(Register reg) const { return (known_ >> static_cast<unsigned>(reg)) & 1u; }
  std::optional<uint64_t> get(Register reg) const {
    if (!has(reg)) return std::nullopt;
    return values_[static_cast<size_t>(reg)];
  }
  void set(Register reg, uint64_t value) {
    values_[static_cast<size_t>(reg)] = value;
    known_ |= 1u << static_cast<unsigned>(reg);
  }
  void forget(Register reg) { known_ &= ~(1u << static_cast<unsigned>(reg)); }

  // 0 when unknown.
  uint64_t pc() const { return get(Register::kRip).value_or(0); }
  uint64_t sp() const { return get(Register::kRsp).value_or(0); }

 private:
  std::array<uint64_t, kRegisterCount + 1> values_{};
  uint32_t known_ = 0;
};

// A copy of a part of a stack. The bytes are owned by whoever made the copy.
struct StackBytes {
  uint64_t address = 0;
  const char* data = nullptr;
  size_t size = 0;
};

// The word at `address`, when one of the copies holds all of it.
inline std::optional<uint64_t> stack_word(const std::vector<StackBytes>& copies, uint64_t address) {
  for (const StackBytes& copy : copies)
    if (address >= copy.address && address - copy.address < copy.size && copy.size - (address - copy.address) >= 8) {
      uint64_t value;
      std::memcpy(&value, copy.data + (address - copy.address), sizeof value);
      return value;
    }
  return std::nullopt;
}

}  // namespace ec
