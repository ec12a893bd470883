// System calls in words: what a blocked thread is waiting for, and on which descriptor.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "collector/snapshot/files.h"
#include "collector/snapshot/threads.h"

namespace ec {

// "futex"; "" when unknown. `machine` as uname(2) says it: "x86_64", "aarch64".
std::string_view syscall_name(std::string_view machine, long number);

// What stands behind a descriptor, e.g. "tcp 10.0.0.1:44 → 10.0.0.9:5432 ESTABLISHED"; "" when unknown.
using DescriptorWords = std::function<std::string(int fd)>;
std::string describe_descriptor(const OpenFiles& files, int fd);

// One line: "recvfrom(fd 31 = tcp …, 8192 bytes)", "futex(FUTEX_WAIT_PRIVATE 0x7f32…, value 2, no timeout)". A call
// that is not known in words shows its raw arguments. Uses name, number and arguments of `call`.
std::string describe_call(const BlockedCall& call, const DescriptorWords& descriptor);

}  // namespace ec
