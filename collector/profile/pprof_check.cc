#include "collector/profile/gzip.h"
#include "collector/profile/pprof.h"

namespace ec {

Result<void> check_pprof(std::string_view where, std::string_view served) {
  std::string unpacked;
  if (looks_gzipped(served)) {
    auto content = gunzip(where, served, kMostUnpackedPprof);
    if (!content) return tl::unexpected(content.error());
    unpacked = std::move(*content);
    served = unpacked;
  }
  auto profile = parse_pprof(where, served);
  if (!profile) return tl::unexpected(profile.error());
  return {};
}

}  // namespace ec
