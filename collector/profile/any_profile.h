// One way in for every form of a profile: it is told by its bytes, never by its name.
#pragma once

#include <string>
#include <string_view>

#include "collector/base/error.h"
#include "collector/profile/profile_builder.h"

namespace ec {

enum class ProfileForm {
  kPprof,
  kGperftoolsCpu,
  kHeapText,
  kContentionText,
  kJavaText,
  kCountText,
  kThreadzText,
  kFolded,
};
// "pprof", "gperftools CPU profile", "heap profile as text" …
std::string_view to_string(ProfileForm form);

struct AnyProfile {
  ProfileForm form = ProfileForm::kPprof;
  OwnedPprof owned;
};

// `bytes` may be packed with gzip, whatever is inside. Errors: those of the form that it is; malformed with what was
// expected when it is none, unsupported when it unpacks to more than kMostUnpackedPprof.
Result<AnyProfile> parse_profile(std::string_view where, std::string bytes);

}  // namespace ec
