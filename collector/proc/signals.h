// Signal numbers and masks in words, signal(7); numbers of x86, ARM and the other architectures that share them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ec {

// "SIGPIPE", "SIGRTMIN+2"; "signal 99" when there is no such signal.
std::string signal_name(int number);
// Names of the bits that are set; bit 0 is signal 1, as in /proc/PID/status.
std::vector<std::string> signal_names(uint64_t mask);

}  // namespace ec
