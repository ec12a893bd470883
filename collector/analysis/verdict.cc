#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "collector/analysis/coverage.h"
#include "collector/analysis/words.h"

namespace ec {

namespace {

// Findings begin with a sentence that stands for itself; in_sentence() keeps the target's words from ending it early.
std::string first_sentence(const std::string& detail) {
  auto end = detail.find(". ");
  std::string sentence = detail.substr(0, end);
  while (!sentence.empty() && sentence.back() == '.') sentence.pop_back();
  return sentence;
}

// "Open files: 252 of 256 (98 %)" → "open files: 252 of 256": the figure stays, what explains it goes.
std::string few_words(std::string_view title) {
  std::string words = in_sentence(title.substr(0, std::min(title.find(", "), title.find(" ("))), 56);
  bool word = words.size() > 1 && words[0] >= 'A' && words[0] <= 'Z' && words[1] >= 'a' && words[1] <= 'z';
  if (word) words[0] = static_cast<char>(words[0] - 'A' + 'a');
  return words;
}

// "180 TCP connections in CLOSE_WAIT" behind "252 of 256 are open, 180 of them TCP connections in CLOSE_WAIT".
bool says_already(std::string_view sentence, std::string_view words) {
  words.remove_prefix(std::min(words.find_first_not_of("0123456789 "), words.size()));
  return words.size() >= 8 && sentence.find(words) != std::string_view::npos;
}

// "much was not examined" when a part that findings rest on is missing, and not by the user's own wish.
std::vector<std::string> missing_parts(const Snapshot& snapshot, bool left_out) {
  std::vector<std::string> parts;
  auto missing = [left_out](const auto& part) { return !part && !(left_out && never_tried(part.why())); };
  if (snapshot.target.pid != 0) {
    if (missing(snapshot.process.status)) parts.emplace_back("the process itself");
    if (missing(snapshot.threads)) parts.emplace_back("its threads");
    bool has_them = !absent_by_nature(snapshot);
    if (has_them && missing(snapshot.stacks) && snapshot.stacks.why().code != ErrorCode::kSkipped)
      parts.emplace_back("its stacks");
    if (has_them && missing(snapshot.files)) parts.emplace_back("its open files");
  }
  if (!snapshot.core && (missing(snapshot.host.memory) || missing(snapshot.host.load))) parts.emplace_back("the host");
  return parts;
}

}  // namespace

std::string headline(const Snapshot& snapshot, const std::vector<Finding>& findings) {
  const Finding* lead = nullptr;
  for (auto& finding : findings)  // the death of the target comes first, whatever else is critical
    if (finding.id == "target-died") lead = &finding;
  for (auto& finding : findings)
    if (!lead && finding.severity <= Severity::kMedium) lead = &finding;
  std::string sentence = lead ? first_sentence(lead->detail) : "";
  std::vector<std::string> others;
  std::set<std::string_view> told;
  if (lead) told.insert(lead->id);
  size_t low = 0;
  for (auto& finding : findings) {
    if (&finding == lead || finding.severity == Severity::kInfo) continue;
    if (finding.severity == Severity::kLow)
      ++low;
    else if (std::string words = few_words(finding.title);
             !says_already(sentence, words) && told.insert(finding.id).second)
      others.push_back(std::move(words));
  }
  if (lead) return sentence + (others.empty() ? "" : "; also " + enumerate(others, 3));
  sentence =
      left_out(snapshot.run).count() > 0
          ? fmt::format("Nothing unusual was found in what was examined of {}", target_name(snapshot))
          : fmt::format("Nothing stands out: {} shows no sign of trouble that the rules know", target_name(snapshot));
  return low == 0 ? sentence : sentence + ", apart from " + counted(low, "small matter");
}

std::string verdict(const Snapshot& snapshot, const std::vector<Finding>& findings) {
  std::string sentence = headline(snapshot, findings);
  LeftOut out = left_out(snapshot.run);
  if (out.count() > 0)
    sentence += fmt::format("; {} of {} collectors {} left out by {}", out.count(), out.collectors,
                            out.count() == 1 ? "was" : "were", options_of(out));
  auto missing = missing_parts(snapshot, out.count() > 0);
  if (!missing.empty())
    sentence += fmt::format("; but {} could not be examined", enumerate(missing));
  else if (snapshot.run.interrupted)
    sentence += "; the run was ended early and has gaps";
  return sentence + ".";
}

}  // namespace ec
