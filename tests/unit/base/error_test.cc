#include "collector/base/error.h"

#include <catch2/catch.hpp>
#include <cerrno>

#include "collector/base/bytes.h"
#include "collector/base/part.h"

using namespace ec;

TEST_CASE("an error says where, what and why in one line") {
  CHECK(Error{ErrorCode::kMalformed, "/proc/42/maps:17", "expected '-'", 0}.message() ==
        "/proc/42/maps:17: expected '-'");
  CHECK(sys_error("/proc/42/io", EACCES).message() == "/proc/42/io: Permission denied");
  CHECK(sys_error("/x", ENOSPC, "8 free").message() == "/x: 8 free: No space left on device");
  CHECK(Error{ErrorCode::kTimeout, "/x", "", 0}.message() == "/x: timeout");
  CHECK(Error{ErrorCode::kTimeout, "", "", 0}.message() == "timeout");
  CHECK(sys_error("/x", 99999).message().find("unknown error") != std::string::npos);
}

TEST_CASE("system errors by what they mean") {
  const std::pair<int, ErrorCode> cases[] = {{ENOENT, ErrorCode::kGone},
                                             {ESRCH, ErrorCode::kGone},
                                             {EACCES, ErrorCode::kDenied},
                                             {EPERM, ErrorCode::kDenied},
                                             {ENOSPC, ErrorCode::kNoSpace},
                                             {EDQUOT, ErrorCode::kNoSpace},
                                             {ETIMEDOUT, ErrorCode::kTimeout},
                                             {ENOSYS, ErrorCode::kUnsupported},
                                             {EOPNOTSUPP, ErrorCode::kUnsupported},
                                             {EIO, ErrorCode::kIo}};
  for (auto [number, code] : cases) CHECK(sys_error("x", number).code == code);
}

TEST_CASE("a part is a value or a reason") {
  Part<int> nothing;
  CHECK(!nothing);
  CHECK(nothing.why().code == ErrorCode::kSkipped);
  CHECK(nothing.value_or(7) == 7);
  Part<int> value = 5;
  CHECK(*value == 5);
  Part<int> failed = Result<int>(fail(ErrorCode::kGone, "x", "died"));
  CHECK(!failed);
  CHECK(failed.why().detail == "died");
  failed = Result<int>(3);
  CHECK(*failed == 3);
}

TEST_CASE("bytes are never read past the end") {
  ByteCursor cursor(std::string_view("\x01\x00\x00\x00\xff", 5));
  CHECK(cursor.read<uint32_t>() == 1u);
  CHECK(!cursor.read<uint16_t>());
  CHECK(cursor.offset() == 4);
  CHECK(!cursor.take(2));
  CHECK(!cursor.skip(2));
  CHECK(cursor.skip(1));
  CHECK(cursor.remaining() == 0);
  CHECK(cursor.take(0) == "");
  CHECK(!cursor.take(static_cast<size_t>(-1)));
}
