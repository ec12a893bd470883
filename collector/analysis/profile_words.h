// Profiles in words: what the page says of each, and what the rules over profiles share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collector/analysis/finding.h"

namespace ec {

// "5.00 s", "12.3 MiB", "1234": of a unit of a profile.
std::string value_words(int64_t value, std::string_view unit);
// "62 %"; "under 1 %".
std::string percent_words(double share);

// "62 % in regexp.(*machine).step, called by main.handle": of digest.by_charged[index], with the caller when the
// function is not of the program or `always_caller`.
std::string charged_words(const ProfileDigest& digest, size_t index, bool always_caller = true);
// "garbage collection 22 %, memory allocation 10 %": work of the runtime that is at least `least` of the total.
std::string runtime_words(const ProfileDigest& digest, double least);
// The caller chain, innermost first: "main.step ← main.handle ← main.serve"; frames of the runtime at its end left out.
std::string path_words(const DigestPath& path, size_t most = 6);
// Where a finding points to: the artifact, the function, and its chain.
Evidence charged_evidence(const RunProfile& profile, size_t index);

// "cpu: 62 % in main.step, called by main.handle; garbage collection 12 % (5.00 s in 5.0 s, 1.0 cores)".
std::string profile_sentence(const RunProfile& profile);
// What the page says: a sentence for each, and each that was not read with the reason.
std::vector<std::string> profile_sentences(const Snapshot& snapshot);

// All of this kind, in the order of the run.
std::vector<const RunProfile*> profiles_of_kind(const Snapshot& snapshot, ProfileKind kind);
// A profile that was pulled again after the CPU profile: "heap", "heap-after". Null when it was not.
inline constexpr std::string_view kAfter = "-after";
const RunProfile* taken_again(const Snapshot& snapshot, const RunProfile& profile);

}  // namespace ec
