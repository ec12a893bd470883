#pragma once

#include <functional>
#include <string_view>

namespace ec {

// Names in the directory that `fd` is open on, from its current position, without "." and "..", in the order of the
// kernel; stops when `visit` gives false. Asks for few at a time: getdents64(2) on /proc/PID/fd makes an inode for each
// name, and the 1,300 that fit readdir(3)'s buffer keep a CPU from a waking thread of the target for 2 ms on kernels
// that do not preempt. Gives 0 or the errno.
int each_directory_entry(int fd, const std::function<bool(std::string_view name)>& visit);

}  // namespace ec
