// From the profiles that somebody names to the one that a report is of: added up, the base taken off, names made
// readable, the value chosen, samples filtered; in the order of google/pprof, which the numbers depend on.
#pragma once

#include <vector>

#include "collector/profile/function_names.h"
#include "collector/profile/profile_builder.h"

namespace ec {

struct ProfileQuery {
  bool base_is_total = false;  // percentages of the base alone, not of all that differs
  std::string sample_index{};  // a name or a number of a sample type; "" for the default of the profile
  // Regular expressions, "" for none: see SampleFilter.
  std::string focus{}, ignore{}, hide{}, show{}, tag_focus{}, tag_ignore{};
  Demangle demangle{};  // must be set
};

struct ChosenProfile {
  OwnedPprof owned;
  size_t sample_type = 0;
  int64_t total = 0;                  // of all samples before they were filtered; each counts without its sign
  std::vector<std::string> filters;   // "focus=main"
  std::vector<std::string> warnings;  // "--focus matched nothing"
};

// The index of the sample type: by name ("space" is also "inuse_space"), by number, by default. Errors: usage with the
// names that there are.
Result<size_t> choose_sample_type(const Pprof& profile, std::string_view wanted);

// Errors: of merge_profiles(), choose_sample_type() and Pattern::compile().
Result<ChosenProfile> choose_profile(std::vector<OwnedPprof> profiles, std::vector<OwnedPprof> bases,
                                     const ProfileQuery& query);

}  // namespace ec
