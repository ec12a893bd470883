// Secrets in profiles: in the values of labels, in comments, in names of files. Redacted bytes are a profile as before,
// with other strings.
#include <algorithm>
#include <utility>

#include "collector/archive/redact_characters.h"
#include "collector/archive/redact_rules.h"
#include "collector/profile/gzip.h"
#include "collector/profile/pprof.h"
#include "collector/profile/pprof_strings.h"

namespace ec::redaction {

namespace {

// No name is longer: replaced as one, so that the places in one string stay few.
constexpr size_t kLongestString = size_t{1} << 20;
// What is no profile: a page, an error, a log. A few bytes of gzip can claim gigabytes of it.
constexpr size_t kMostText = size_t{4} << 20;
// A profile with more secrets was made to cost time and space: further strings with secrets are left empty.
constexpr uint64_t kMostPlaceholders = 250'000;

// Keys of labels are sorted by these; what kAuthorization announces is hidden behind its scheme.
constexpr std::array kWholeValue{KeyKind::kWeak, KeyKind::kPlural, KeyKind::kSecret, KeyKind::kPhrase,
                                 KeyKind::kCookie};
uint8_t class_of(KeyKind kind) {
  return kind == KeyKind::kPlain ? uint8_t{0} : static_cast<uint8_t>(1u << static_cast<unsigned>(kind));
}
bool has_class(const PprofStringUse& use, KeyKind kind) { return (use.label_classes & class_of(kind)) != 0; }

class PprofRules {
 public:
  PprofRules(const Placeholders& placeholders, uint64_t& count) : placeholders_(placeholders), count_(count) {}

  std::optional<std::string> text(std::string_view text, const PprofStringUse& use) {
    if (text.size() > kLongestString || is_secret(text, use)) {
      places_.assign(1, Span{0, text.size()});
    } else {
      places_.clear();
      if (has_class(use, KeyKind::kAuthorization))
        find_in_authorization(text, places_);
      else
        find_in_text(text, places_);
      if (use.comment) find_in_comment(text);
    }
    if (places_.empty()) return std::nullopt;
    count_ += places_.size();
    return count_ > kMostPlaceholders ? std::string() : placeholders_.replace(text, places_);
  }

 private:
  static bool is_secret(std::string_view text, const PprofStringUse& use) {
    if (use.unknown) return is_secret_value(KeyKind::kSecret, text);
    return std::any_of(kWholeValue.begin(), kWholeValue.end(),
                       [&](KeyKind kind) { return has_class(use, kind) && is_secret_value(kind, text); });
  }

  // Comments often are the command line, all of it or one argument each.
  void find_in_comment(std::string_view text) {
    if (!std::exchange(begun_, true) && text.starts_with('-')) arguments_.next({}, within_);  // without the program
    for (size_t begin = 0; begin < text.size();) {
      size_t end = begin;
      while (end < text.size() && !is_space(text[end])) ++end;
      within_.clear();
      if (end > begin) arguments_.next(text.substr(begin, end - begin), within_);
      for (const Span& span : within_) places_.push_back({begin + span.begin, begin + span.end});
      begin = end + 1;
    }
    unite();
  }

  void unite() {
    std::sort(places_.begin(), places_.end(), [](const Span& a, const Span& b) { return a.begin < b.begin; });
    size_t kept = 0;
    for (const Span& place : places_) {
      if (kept > 0 && place.begin < places_[kept - 1].end)
        places_[kept - 1].end = std::max(places_[kept - 1].end, place.end);
      else
        places_[kept++] = place;
    }
    places_.resize(kept);
  }

  const Placeholders& placeholders_;
  uint64_t& count_;
  ArgumentRules arguments_;
  bool begun_ = false;  // with the comments
  std::vector<Span> places_, within_;
};

// A profile has numbers below 9 in it: tags of fields, lengths, kinds of numbers.
bool is_text(std::string_view bytes) {
  return std::none_of(bytes.begin(), bytes.end(), [](char c) {
    auto byte = static_cast<unsigned char>(c);
    return byte < '\t' || (byte > '\r' && byte < ' ' && byte != '\x1b') || byte == 0x7f;
  });
}

std::optional<std::string> redacted_text(std::string_view text, const Placeholders& placeholders, uint64_t& count) {
  std::string_view kept = text.substr(0, kMostText);
  std::vector<Span> places;
  find_in_text(kept, places);
  if (places.empty() && kept.size() == text.size()) return std::nullopt;
  count += places.size();
  return placeholders.replace(kept, places);
}

std::optional<std::string> redacted_content(std::string_view bytes, bool cut, const Placeholders& placeholders,
                                            uint64_t& count) {
  if (is_text(bytes)) return redacted_text(bytes, placeholders, count);
  PprofRules rules(placeholders, count);
  PprofRewrite rewrite =
      rewrite_pprof_strings(bytes, cut,
                            {[](std::string_view key) { return class_of(key_kind(key)); },
                             [&](std::string_view text, const PprofStringUse& use) { return rules.text(text, use); }});
  if (rewrite.read == 0) return redacted_text(bytes, placeholders, count);
  if (rewrite.read < bytes.size() && !rewrite.bytes) return std::string(bytes.substr(0, rewrite.read));
  return std::move(rewrite.bytes);
}

}  // namespace

std::optional<std::string> redacted_pprof(std::string_view served, const Placeholders& placeholders, uint64_t& count) {
  if (!looks_gzipped(served)) return redacted_content(served, false, placeholders, count);
  Unpacked unpacked = unpack_gzip({}, served, kMostUnpackedPprof);
  auto content = redacted_content(unpacked.content, unpacked.problem.has_value(), placeholders, count);
  auto behind = redacted_text(unpacked.behind, placeholders, count);
  if (!content && !behind && unpacked.all_read) return std::nullopt;
  if (content) unpacked.content = std::move(*content);
  std::string left = gzip(unpacked.content);
  left += behind ? std::string_view(*behind) : unpacked.behind;
  return left;
}

}  // namespace ec::redaction
