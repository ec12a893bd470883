#include <fmt/format.h>

#include <algorithm>

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

// "much was not examined" when a part that findings rest on is missing.
std::vector<std::string> missing_parts(const Snapshot& snapshot) {
  std::vector<std::string> parts;
  if (snapshot.target.pid != 0) {
    if (!snapshot.process.status) parts.emplace_back("the process itself");
    if (!snapshot.threads) parts.emplace_back("its threads");
    if (!snapshot.stacks && snapshot.stacks.why().code != ErrorCode::kSkipped) parts.emplace_back("its stacks");
    if (!snapshot.files) parts.emplace_back("its open files");
  }
  if (!snapshot.host.memory || !snapshot.host.load) parts.emplace_back("the host");
  return parts;
}

}  // namespace

std::string headline(const Snapshot& snapshot, const std::vector<Finding>& findings) {
  const Finding* lead = nullptr;
  for (auto& finding : findings)  // the death of the target comes first, whatever else is critical
    if (finding.id == "target-died") lead = &finding;
  for (auto& finding : findings)
    if (!lead && finding.severity <= Severity::kMedium) lead = &finding;
  std::vector<std::string> others;
  size_t low = 0;
  for (auto& finding : findings) {
    if (&finding == lead || finding.severity == Severity::kInfo) continue;
    bool listed =
        std::find(others.begin(), others.end(), finding.id) != others.end() || (lead && finding.id == lead->id);
    if (finding.severity == Severity::kLow)
      ++low;
    else if (!listed)
      others.push_back(finding.id);
  }
  if (lead) return first_sentence(lead->detail) + (others.empty() ? "" : "; also " + enumerate(others, 4));
  std::string sentence =
      fmt::format("Nothing stands out: {} shows no sign of trouble that the rules know", target_name(snapshot));
  return low == 0 ? sentence : sentence + ", apart from " + counted(low, "small matter");
}

std::string verdict(const Snapshot& snapshot, const std::vector<Finding>& findings) {
  std::string sentence = headline(snapshot, findings);
  auto missing = missing_parts(snapshot);
  if (!missing.empty())
    sentence += fmt::format("; but {} could not be examined", enumerate(missing));
  else if (snapshot.run.interrupted)
    sentence += "; the run was ended early and has gaps";
  return sentence + ".";
}

}  // namespace ec
