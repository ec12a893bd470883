#include "collector/profile/count_text.h"

#include "collector/base/text.h"
#include "collector/profile/legacy_maps.h"
#include "collector/profile/legacy_profile.h"

namespace ec {

namespace {

bool is_comment(std::string_view line) { return line.empty() || line.starts_with('#'); }

std::string_view rest_from(std::string_view text, std::string_view line) {
  return text.substr(static_cast<size_t>(line.data() - text.data()));
}

// The first line that is no comment.
std::optional<std::string_view> next_line(LineCursor& lines) {
  while (auto line = lines.next())
    if (!is_comment(trim(*line))) return trim(*line);
  return std::nullopt;
}

bool is_thread_title(std::string_view line) {
  return line.starts_with("--- Thread ") && line.find(" stack: ---") != std::string_view::npos;
}

// The addresses of a line of a thread's stack, which may have names between them: "    0x7f95 pthread_cond_wait".
void add_addresses(std::string_view line, std::vector<uint64_t>& addresses) {
  FieldCursor fields(line);
  while (auto word = fields.word())
    if (word->starts_with("0x"))
      if (auto address = parse_number<uint64_t>(word->substr(2), 16)) addresses.push_back(*address);
}

}  // namespace

std::string_view count_profile_name(std::string_view line) {
  constexpr std::string_view kMiddle = " profile: total ";
  size_t at = line.find(kMiddle);
  if (at == std::string_view::npos || at == 0) return {};
  auto name = line.substr(0, at);
  if (name.find_first_of(" \t") != std::string_view::npos) return {};
  return parse_number<uint64_t>(trim(line.substr(at + kMiddle.size()))) ? name : std::string_view{};
}

Result<OwnedPprof> parse_count_text(std::string_view where, std::string_view text) {
  LineCursor lines(where, text);
  auto name = count_profile_name(next_line(lines).value_or(""));
  if (name.empty()) return tl::unexpected(lines.expected("'NAME profile: total N'"));
  LegacyProfile profile;
  profile.sample_type(name, "count");
  profile.period_type(name, "count", 1);
  std::vector<uint64_t> addresses;
  while (auto raw = lines.next()) {
    auto line = trim(*raw);
    if (line.starts_with("---")) return std::move(profile).finish(where, rest_from(text, *raw));
    if (auto frame = parse_go_text_frame(line)) profile.name(*frame);
    if (is_comment(line)) continue;
    FieldCursor fields(line);
    auto count = fields.number<int64_t>();
    auto at = fields.word();
    if (!count || !at || *at != "@" || !read_addresses(fields.rest(), addresses))
      return tl::unexpected(lines.expected("'COUNT @ 0x…'"));
    profile.sample(addresses, AddressKind::kReturns, {&*count, 1});
  }
  return std::move(profile).finish(where, "");
}

bool is_threadz_title(std::string_view line) { return line.starts_with("--- threadz ") || is_thread_title(line); }

Result<OwnedPprof> parse_threadz_text(std::string_view where, std::string_view text) {
  LineCursor lines(where, text);
  auto title = next_line(lines).value_or("");
  if (!is_threadz_title(title)) return tl::unexpected(lines.expected("'--- threadz N ---' or '--- Thread …'"));
  LegacyProfile profile;
  profile.sample_type("thread", "count");
  profile.period_type("thread", "count", 1);
  std::vector<uint64_t> addresses;
  bool in_thread = is_thread_title(title), same = false;
  auto finish_thread = [&] {
    const int64_t one = 1;
    if (in_thread && same)
      profile.repeat_last();
    else if (in_thread && !addresses.empty())
      profile.sample(addresses, AddressKind::kExactLeaf, {&one, 1});
    addresses.clear();
    in_thread = same = false;
  };
  while (auto raw = lines.next()) {
    auto line = trim(*raw);
    if (starts_legacy_maps(line)) {
      finish_thread();
      return std::move(profile).finish(where, rest_from(text, *raw));
    }
    if (line.starts_with("---")) {
      finish_thread();
      in_thread = is_thread_title(line);
      if (!in_thread && !line.starts_with("---- no stack trace for"))
        return tl::unexpected(lines.expected("'--- Thread ID (name: NAME/TID) stack: ---'"));
    } else if (line.find("same as previous thread") != std::string_view::npos) {
      same = true;
    } else if (in_thread) {
      add_addresses(line, addresses);
    }
  }
  finish_thread();
  return std::move(profile).finish(where, "");
}

}  // namespace ec
