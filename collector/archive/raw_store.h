// The bytes of one run by artifact path, redacted. Live, they are put in as they arrive; for an old archive, as they
// are read. Parse functions see nothing else, which is why an archive is a fixture and a fixture is an archive.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "collector/base/bundle.h"
#include "collector/base/error.h"
#include "collector/snapshot/snapshot.h"

namespace ec {

class RawStore {
 public:
  // `row` tells path, status, reason and at_ms. A later add of the same path replaces the earlier one.
  void add(ArtifactRow row, std::string bytes);

  // The bytes; for an artifact that failed, its error; not-found when nobody collected it. The view lives until the
  // next add() of the same path.
  Result<std::string_view> read(std::string_view path) const;
  // Sections of a bundle, empty when it is missing.
  std::vector<Section> bundle(std::string_view path) const;
  // Those sections of a bundle that did not fail. Errors: of read(); malformed when it has no sections at all.
  Result<std::vector<Section>> whole_sections(std::string_view path) const;
  // The row of the artifact, null when there is none.
  const ArtifactRow* row(std::string_view path) const;
  // Paths with this prefix, sorted.
  std::vector<std::string> list(std::string_view prefix) const;

 private:
  struct Entry {
    ArtifactRow row;
    std::string bytes;
  };
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace ec
