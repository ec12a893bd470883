// Where Go's runtime keeps what about a goroutine: offsets of the fields of runtime.g and runtime.m on 64-bit machines.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "collector/base/error.h"
#include "symbolize/elf_file.h"

namespace ec {

struct GoLayout {
  // runtime.g; stack.lo is at 0 and stack.hi at 8 in every version.
  uint16_t m = 0, sched_sp = 0, sched_pc = 0, sched_g = 0, syscall_sp = 0, syscall_pc = 0, status = 0, id = 0,
           wait_since = 0, wait_reason = 0, creator_pc = 0, start_pc = 0, waiting = 0;
  // runtime.m
  uint16_t m_thread = 0;
  // runtime.sudog; its first field is the goroutine.
  uint16_t sudog_link = 0, sudog_channel = 0;
  std::string from;  // "table for Go 1.19", "debug information"

  // Bytes of a runtime.g that hold all of these.
  size_t size() const;
};

// `version`: "1.19.8". Errors: unsupported for a version whose layout is not known.
Result<GoLayout> go_layout(std::string_view version);
// From the debug information of a program, which is true of any version. Errors: those of member_offsets(); unsupported
// when a field is missing or its place cannot be.
Result<GoLayout> go_layout_from_debug(std::shared_ptr<const ElfFile> program);
// In words, the first field that `other` has elsewhere: "goid at 160, not 152"; "" = all are at the same places.
std::string difference(const GoLayout& layout, const GoLayout& other);

}  // namespace ec
