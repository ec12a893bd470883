// The threads of one process through one descriptor of /proc/PID/task: what hundreds of small reads need.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"
#include "collector/base/unique_fd.h"

namespace ec {

class TaskDir {
 public:
  // Errors: gone, denied.
  static Result<TaskDir> open(pid_t pid);

  // Thread ids in ascending order. A process that ends meanwhile gives gone.
  Result<std::vector<pid_t>> list() const;

  // The whole of /proc/PID/task/TID/FILE; the view lives until the next read(). One open, one read, one close while the
  // content fits into 16 KiB, as proc(5) files of threads do. Errors: gone when the thread ended.
  Result<std::string_view> read(pid_t tid, const char* file);

  // The same in two steps, for a file that is read more than once: opening costs most. What read() gives is new each
  // time; gone also when the thread ended after open_file().
  Result<UniqueFd> open_file(pid_t tid, const char* file) const;
  Result<std::string_view> read(const UniqueFd& fd, pid_t tid, const char* file);

  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
  UniqueFd directory_;
  std::string buffer_;
};

}  // namespace ec
