// The file (or pipe) that an archive grows in. Each append is whole or not at all, as far as the medium allows it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "collector/base/error.h"
#include "collector/base/unique_fd.h"

namespace ec {

// "/dev/vda1 mounted on /var (ext4)", of the filesystem that `fd` is on; "" when /proc/self/mountinfo does not tell.
std::string filesystem_of(int fd);
// The same from the text of mountinfo (proc_pid_mountinfo(5)); the last mount of the device whose mount point `path` is
// under, as later mounts hide earlier ones.
std::string filesystem_from(std::string_view mountinfo, unsigned major, unsigned minor, std::string_view path);

class OutputFile {
 public:
  // `output`: a file, a directory or ""; `stem` + `extension` names the file in a directory. Creates NAME.partial.
  static Result<std::unique_ptr<OutputFile>> create(const std::string& output, const std::string& stem,
                                                    std::string_view extension);
  // An open descriptor, which stays open afterwards. A reader that takes nothing for `patience_ms` will not come back.
  static Result<std::unique_ptr<OutputFile>> stream(int fd, int patience_ms);
  ~OutputFile();

  // Leaves `kept_bytes` of the filesystem free. Errors: no-space (nothing was written, another append may succeed), io
  // (the medium is broken; a pipe without a reader).
  Result<void> append(std::string_view bytes, uint64_t kept_bytes);
  uint64_t offset() const { return offset_; }  // from the start of the archive
  // What is to be kept for the summary and the manifest.
  uint64_t reserve() const { return reserve_; }
  std::string path() const;

  // Syncs, renames to the final name (the next free one if it was taken meanwhile), syncs the directory.
  Result<void> finish();

 private:
  OutputFile() = default;
  Error no_space(int sys_errno, std::string_view detail) const;
  Result<void> roll_back(int sys_errno);
  std::string numbered(int number) const;
  void measure();

  UniqueFd file_, directory_;
  int fd_ = -1;         // file_, or a descriptor of somebody else
  std::string folder_;  // as given, "" or with a slash at the end
  std::string stem_, extension_;
  int number_ = 1, patience_ms_ = 0;
  bool regular_ = false, finished_ = false;
  uint64_t start_ = 0;  // offset of the archive in the file
  uint64_t offset_ = 0, reserve_ = 0;
  std::string device_;                       // for errors
  Error broken_{ErrorCode::kIo, "", "", 0};  // condition: is_broken_
  bool is_broken_ = false;
};

}  // namespace ec
