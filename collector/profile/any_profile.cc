#include "collector/profile/any_profile.h"

#include "collector/base/text.h"
#include "collector/profile/contention_text.h"
#include "collector/profile/count_text.h"
#include "collector/profile/folded.h"
#include "collector/profile/gperftools_cpu.h"
#include "collector/profile/gzip.h"
#include "collector/profile/heap_text.h"
#include "collector/profile/java_text.h"

namespace ec {

namespace {

constexpr size_t kLookedAt = 64 * 1024;

// The first line that says something; comments may stand before it.
std::string_view first_line(std::string_view text) {
  LineCursor lines("", text.substr(0, kLookedAt));
  while (auto line = lines.next()) {
    auto words = trim(*line);
    if (!words.empty() && !words.starts_with('#')) return words;
  }
  return {};
}

std::optional<ProfileForm> form_by_title(std::string_view text) {
  std::string_view line = first_line(text);
  if (line.find("heap profile:") != std::string_view::npos && line.find('@') != std::string_view::npos)
    return ProfileForm::kHeapText;
  if (line == "--- heapz 1 ---") return ProfileForm::kJavaText;
  if (is_contention_title(line)) return ProfileForm::kContentionText;
  if (!count_profile_name(line).empty()) return ProfileForm::kCountText;
  if (is_threadz_title(line)) return ProfileForm::kThreadzText;
  return std::nullopt;
}

bool is_text(std::string_view bytes) {
  auto looked_at = bytes.substr(0, kLookedAt);
  return looked_at.find('\0') == std::string_view::npos && !first_line(looked_at).empty();
}

// Writers put the type of the period (field 11) or the sample types first, and in them the type (field 1, a number).
bool begins_as_pprof(std::string_view bytes) {
  return bytes.size() > 2 && (bytes[0] == '\x0a' || bytes[0] == '\x5a') && bytes[1] < '\x10' && bytes[2] == '\x08';
}

Result<OwnedPprof> parse_as(ProfileForm form, std::string_view where, std::string& bytes) {
  switch (form) {
    case ProfileForm::kPprof:
      return own_pprof(where, std::move(bytes));
    case ProfileForm::kGperftoolsCpu:
      return parse_gperftools_cpu(where, bytes);
    case ProfileForm::kHeapText:
      return parse_heap_text(where, bytes);
    case ProfileForm::kContentionText:
      return parse_contention_text(where, bytes);
    case ProfileForm::kJavaText:
      return parse_java_text(where, bytes);
    case ProfileForm::kCountText:
      return parse_count_text(where, bytes);
    case ProfileForm::kThreadzText:
      return parse_threadz_text(where, bytes);
    case ProfileForm::kFolded:
      break;
  }
  return parse_folded(where, bytes);
}

// What is recognised by its first bytes; else what it turns out to be: neither profile.proto nor folded stacks have a
// title.
Result<AnyProfile> recognise(std::string_view where, std::string bytes) {
  auto form = is_gperftools_cpu(bytes) ? std::optional(ProfileForm::kGperftoolsCpu) : form_by_title(bytes);
  if (!form)
    form = is_text(bytes) && parse_folded(where, first_line(bytes)) ? ProfileForm::kFolded : ProfileForm::kPprof;
  bool like_pprof = begins_as_pprof(bytes);
  bool dump = is_text(bytes) && first_line(bytes).starts_with("goroutine ");
  auto owned = parse_as(*form, where, bytes);
  if (owned) return AnyProfile{*form, std::move(*owned)};
  if (*form != ProfileForm::kPprof || owned.error().code == ErrorCode::kUnsupported)
    return tl::unexpected(owned.error());
  if (like_pprof) return tl::unexpected(owned.error());
  if (dump)
    return fail(ErrorCode::kMalformed, std::string(where),
                "stacks of goroutines without counts: see profile goroutines");
  return fail(ErrorCode::kMalformed, std::string(where),
              "expected a profile: pprof, gperftools (CPU, heap, growth, contention, threadz), the text of Go's "
              "/debug/pprof with debug=1, or folded stacks");
}

}  // namespace

std::string_view to_string(ProfileForm form) {
  switch (form) {
    case ProfileForm::kPprof:
      return "pprof";
    case ProfileForm::kGperftoolsCpu:
      return "gperftools CPU profile";
    case ProfileForm::kHeapText:
      return "heap profile as text";
    case ProfileForm::kContentionText:
      return "contention profile as text";
    case ProfileForm::kJavaText:
      return "profile of a JVM as text";
    case ProfileForm::kCountText:
      return "counted stacks as text";
    case ProfileForm::kThreadzText:
      return "threadz";
    case ProfileForm::kFolded:
      break;
  }
  return "folded stacks";
}

Result<AnyProfile> parse_profile(std::string_view where, std::string bytes) {
  if (!looks_gzipped(bytes)) return recognise(where, std::move(bytes));
  auto unpacked = gunzip(where, bytes, kMostUnpackedPprof);
  if (!unpacked) return tl::unexpected(unpacked.error());
  bytes.clear();
  bytes.shrink_to_fit();
  return recognise(where, std::move(*unpacked));
}

}  // namespace ec
