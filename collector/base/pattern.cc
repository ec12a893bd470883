#include "collector/base/pattern.h"

#include <re2/re2.h>

#include "collector/base/text.h"

namespace ec {

namespace {

// Ten classes of Unicode are 30 bytes and 100 KB while they are compiled: a limit of memory does not hold there.
constexpr size_t kLongestPattern = 10'000;
constexpr int64_t kMostMemory = 1 << 20;

auto refused(std::string_view where, std::string_view why) {
  return fail(ErrorCode::kUsage, std::string(where), fmt::format("the regular expression is refused: {}", why));
}

}  // namespace

Result<Pattern> Pattern::compile(std::string_view where, std::string_view text) {
  if (text.size() > kLongestPattern)
    return refused(where, fmt::format("{} bytes, at most {} are taken", text.size(), kLongestPattern));
  RE2::Options options;
  options.set_encoding(RE2::Options::EncodingUTF8);
  options.set_max_mem(kMostMemory);
  options.set_never_capture(true);
  options.set_log_errors(false);
  auto compiled = std::make_shared<const RE2>(text, options);
  // RE2 repeats what is wrong with the pattern, which may be all of it.
  if (!compiled->ok()) return refused(where, printable_line(compiled->error(), 100));
  return Pattern(std::move(compiled));
}

bool Pattern::found_in(std::string_view text) const { return RE2::PartialMatch(text, *compiled_); }

bool Pattern::found_in(std::string_view text, size_t& steps_left) const {
  auto program = static_cast<size_t>(compiled_->ProgramSize());
  if (text.size() >= steps_left / program) {
    steps_left = 0;
    return false;
  }
  steps_left -= (text.size() + 1) * program;
  return found_in(text);
}

}  // namespace ec
