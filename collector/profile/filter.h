// Takes samples and frames out of a profile by the names of functions, files and mappings, as google/pprof does
// (profile/filter.go, profile/prune.go).
#pragma once

#include <optional>

#include "collector/base/pattern.h"
#include "collector/profile/pprof.h"

namespace ec {

struct SampleFilter {
  std::optional<Pattern> focus;                  // only samples with such a frame
  std::optional<Pattern> ignore;                 // none with such a frame
  std::optional<Pattern> hide;                   // such frames are taken out
  std::optional<Pattern> show;                   // all other frames are taken out
  std::optional<Pattern> tag_focus, tag_ignore;  // the same for samples with such a label: "key:value"
};
// Which of them matched anything.
struct FilterMatches {
  bool focus = false, ignore = false, hide = false, show = false, tag_focus = false, tag_ignore = false;
};
FilterMatches filter_samples(Pprof& profile, const SampleFilter& filter);

// Takes out what the profile itself calls uninteresting: frames below one of drop_frames that is not of keep_frames.
// Errors: usage (a pattern that is none), unsupported (patterns that would take too long on these names); the profile
// is as it was then.
Result<void> drop_uninteresting(Pprof& profile);

}  // namespace ec
