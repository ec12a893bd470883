#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "collector/analysis/profile_words.h"
#include "collector/report/derived.h"
#include "collector/report/text_layout.h"

namespace ec::derived {

namespace {

using Out = std::back_insert_iterator<std::string>;

constexpr size_t kFunctions = 12;

void functions_text(std::string& text, const ProfileDigest& digest, std::string_view heading,
                    const std::vector<DigestFunction>& functions) {
  if (functions.empty()) return;
  fmt::format_to(Out(text), "\n  {}\n  {:>12} {:>6}  {:>12} {:>6}\n", heading, "flat", "", "cum", "");
  for (size_t i = 0; i < std::min(functions.size(), kFunctions); ++i) {
    const DigestFunction& one = functions[i];
    fmt::format_to(Out(text), "  {:>12} {:>5.1f}%  {:>12} {:>5.1f}%  {}\n", value_words(one.flat, digest.unit),
                   100 * share(digest, one.flat), value_words(one.cum, digest.unit), 100 * share(digest, one.cum),
                   plain_line(one.name, 200));
  }
}

void paths_text(std::string& text, const ProfileDigest& digest) {
  for (const DigestPath& path : digest.paths) {
    fmt::format_to(Out(text), "\n  {} ({:.1f}%), most of it by way of\n", value_words(path.value, digest.unit),
                   100 * share(digest, path.value));
    for (size_t i = 0; i < path.functions.size(); ++i)
      fmt::format_to(Out(text), "  {:>12}  {}\n", value_words(path.values[i], digest.unit),
                     plain_line(path.functions[i], 200));
  }
}

}  // namespace

void profiles(const Snapshot& snapshot, Artifacts& out) {
  if (!snapshot.profiles) return;
  std::string text =
      "What the profiles of this run say; each stands beside this file, as it was served.\n"
      "flat: in the function's own code. cum: and in all that it calls. `emergency-collect profile top FILE` has "
      "all.\n";
  for (const RunProfile& profile : snapshot.profiles->read) {
    const ProfileDigest& digest = profile.digest;
    fmt::format_to(Out(text), "\n{}\n{}\n", plain_line(profile.artifact, 300),
                   plain_line(profile_sentence(profile), 400));
    functions_text(text, digest, "by flat", digest.by_flat);
    functions_text(text, digest, "by cum", digest.by_cum);
    paths_text(text, digest);
  }
  for (const UnreadProfile& unread : snapshot.profiles->unread)
    fmt::format_to(Out(text), "\n{}\nnot read: {}\n", plain_line(unread.artifact, 300),
                   plain_line(unread.why.message(), 300));
  out.push_back({"profiles/summary.txt", "profiles/", std::move(text)});
}

}  // namespace ec::derived
