#include "collector/base/error.h"

#include <cerrno>
#include <cstring>

namespace ec {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kGone:
      return "gone";
    case ErrorCode::kDenied:
      return "denied";
    case ErrorCode::kNotFound:
      return "not-found";
    case ErrorCode::kMalformed:
      return "malformed";
    case ErrorCode::kTruncated:
      return "truncated";
    case ErrorCode::kTimeout:
      return "timeout";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kNoSpace:
      return "no-space";
    case ErrorCode::kSkipped:
      return "skipped";
    case ErrorCode::kUsage:
      return "usage";
    case ErrorCode::kIo:
      return "io";
  }
  return "io";
}

std::string Error::message() const {
  std::string text = where;
  auto append = [&](std::string_view part) {
    if (part.empty()) return;
    if (!text.empty()) text += ": ";
    text += part;
  };
  append(detail);
  if (sys_errno != 0) append(strerrordesc_np(sys_errno) ? strerrordesc_np(sys_errno) : "unknown error");
  if (detail.empty() && sys_errno == 0) append(to_string(code));
  return text;
}

Error sys_error(std::string where, int sys_errno, std::string detail) {
  ErrorCode code = ErrorCode::kIo;
  switch (sys_errno) {
    case ENOENT:
    case ESRCH:
      code = ErrorCode::kGone;
      break;
    case EACCES:
    case EPERM:
      code = ErrorCode::kDenied;
      break;
    case ENOSPC:
    case EDQUOT:
      code = ErrorCode::kNoSpace;
      break;
    case ETIMEDOUT:
      code = ErrorCode::kTimeout;
      break;
    case ENOSYS:
    case EOPNOTSUPP:
      code = ErrorCode::kUnsupported;
      break;
    default:
      break;
  }
  return Error{code, std::move(where), std::move(detail), sys_errno};
}

}  // namespace ec
