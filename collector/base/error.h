// Errors are values. Gone, denied, truncated … are normal outcomes of looking at a process in trouble, so each is told
// apart, keeps its place, and travels unchanged to the manifest and to "not examined".
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace ec {

enum class ErrorCode {
  kGone,         // the process, thread or file disappeared while we looked
  kDenied,       // a privilege is missing; detail says which
  kNotFound,     // there never was one
  kMalformed,    // bytes that do not have the documented form; where carries the line or offset
  kTruncated,    // the bytes end too early, or a limit cut them
  kTimeout,      // a deadline passed
  kUnsupported,  // this kernel, build or target does not offer it
  kNoSpace,      // the destination is full
  kSkipped,      // not asked for, or switched off by an option or limit; detail says which
  kUsage,        // the request itself is wrong
  kIo,           // any other failure of the system; sys_errno says which
};

// Stable lower-case word, as used in manifest.json.
std::string_view to_string(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::kIo;
  std::string where;   // path, path:line or path+0xoffset
  std::string detail;  // what was expected or what failed, without trailing newline
  int sys_errno = 0;   // 0 when no system call failed

  // One line: "where: detail (errno text)".
  std::string message() const;
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(ErrorCode code, std::string where, std::string detail, int sys_errno = 0) {
  return tl::unexpected<Error>(Error{code, std::move(where), std::move(detail), sys_errno});
}

// Error for a failed system call: ENOENT, ESRCH → gone; EACCES, EPERM → denied; ENOSPC, EDQUOT → no space;
// ETIMEDOUT → timeout; ENOSYS, EOPNOTSUPP → unsupported; else io.
Error sys_error(std::string where, int sys_errno, std::string detail = {});
inline tl::unexpected<Error> fail_errno(std::string where, int sys_errno, std::string detail = {}) {
  return tl::unexpected<Error>(sys_error(std::move(where), sys_errno, std::move(detail)));
}

}  // namespace ec
