// gzip, profile.proto and what is computed from them. Redaction keeps a profile a profile, with as many samples and
// strings.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collector/archive/redaction.h"
#include "collector/profile/goroutines.h"
#include "collector/profile/gzip.h"
#include "collector/profile/pprof.h"
#include "collector/profile/pprof_strings.h"

namespace {

constexpr size_t kLimit = 4 << 20;

void check_same_shape(const ec::Pprof& before, std::string_view rewritten) {
  auto after = ec::parse_pprof("rewritten", rewritten);
  if (!after || after->samples.size() != before.samples.size() || after->strings.size() != before.strings.size() ||
      after->labels.size() != before.labels.size() || after->values != before.values || after->stack != before.stack)
    std::abort();
}

void check_redaction(std::string_view bytes, const ec::Pprof* profile) {
  static const ec::Redactor redactor(true);
  ec::Redacted redacted = redactor.redact(ec::Redact::kPprof, {}, std::string(bytes));
  if (!profile) return;
  if (redacted.count == 0 && redacted.bytes != bytes && !ec::looks_gzipped(bytes)) std::abort();
  if (!ec::looks_gzipped(redacted.bytes)) return check_same_shape(*profile, redacted.bytes);
  auto unpacked = ec::gunzip("redacted", redacted.bytes, kLimit * 16);
  if (!unpacked) std::abort();
  check_same_shape(*profile, *unpacked);
}

void check_all_rewritten(std::string_view message, const ec::Pprof* profile) {
  auto replace = [](std::string_view text, const ec::PprofStringUse&) {
    return std::optional<std::string>(std::string(text.size() % 200, 'x'));
  };
  auto rewrite =
      ec::rewrite_pprof_strings(message, false, {[](std::string_view key) { return key.size() % 256; }, replace});
  if (rewrite.read > message.size()) std::abort();
  if (profile && rewrite.read < message.size()) std::abort();
  if (profile) check_same_shape(*profile, rewrite.bytes ? std::string_view(*rewrite.bytes) : message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto unpacked = ec::gunzip("input", bytes, kLimit);
  std::string_view message = unpacked ? std::string_view(*unpacked) : bytes;
  auto profile = ec::parse_pprof("input", message);
  check_redaction(bytes, profile ? &*profile : nullptr);
  check_all_rewritten(message, profile ? &*profile : nullptr);
  if (unpacked) check_redaction(message, profile ? &*profile : nullptr);
  if (profile) {
    auto goroutines = ec::goroutines_of("input", *profile);
    if (goroutines)
      for (const auto& group : goroutines->groups) ec::wait_of(group.functions);
  }
  return 0;
}
