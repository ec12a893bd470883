// An archive is a fixture: each folder of tests/golden/archives is an unpacked archive from a real run, and its summary
// as today's rules write it. scripts/update-golden rewrites the expectations; look at the diff before you commit it.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "collector/analysis/finding.h"
#include "collector/cli/load_archive.h"
#include "collector/report/page.h"
#include "tests/support/program.h"

using namespace ec;
namespace fs = std::filesystem;

TEST_CASE("recorded archives give the summaries that are expected of them") {
  const fs::path root = fs::path(EC_SOURCE_DIR) / "tests/golden/archives";
  int replayed = 0;
  for (const auto& folder : fs::directory_iterator(root)) {
    if (!folder.is_directory()) continue;
    auto loaded = load_archive(folder.path().string());
    CAPTURE(folder.path().filename().string());
    REQUIRE(loaded);
    auto findings = analyse(loaded->snapshot);
    Page page{loaded->snapshot, findings, "", nullptr};
    std::string expected_file = folder.path().string() + ".expected.md";
    std::string now = summary_markdown(page);
    if (std::getenv("EC_UPDATE_GOLDEN")) test::write_text(expected_file, now);
    CHECK(now == test::read_text(expected_file));
    ++replayed;
  }
  CHECK(replayed >= 3);
}
