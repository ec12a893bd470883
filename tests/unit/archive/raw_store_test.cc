#include "collector/archive/raw_store.h"

#include <catch2/catch.hpp>

using namespace ec;

namespace {

RawStore with(Status status, std::string bytes) {
  ArtifactRow row;
  row.path = "raw/x.bundle";
  row.status = status;
  row.reason = "why";
  RawStore store;
  store.add(row, std::move(bytes));
  return store;
}

}  // namespace

TEST_CASE("the sections of a bundle that did not fail, or why there are none") {
  std::string bundle;
  append_section(bundle, "a", "one");
  append_failed_section(bundle, "b", {ErrorCode::kDenied, "b", "no", 0});
  auto store = with(Status::kPartial, bundle);
  auto sections = store.whole_sections("raw/x.bundle");
  REQUIRE(sections);
  REQUIRE(sections->size() == 1);
  CHECK((*sections)[0].bytes == "one");

  bundle.clear();
  append_failed_section(bundle, "b", {ErrorCode::kDenied, "b", "no", 0});
  CHECK(with(Status::kOk, bundle).whole_sections("raw/x.bundle").value().empty());

  CHECK(RawStore().whole_sections("raw/x.bundle").error().code == ErrorCode::kNotFound);
  CHECK(with(Status::kTimeout, "").whole_sections("raw/x.bundle").error().message() == "raw/x.bundle: why");
  CHECK(with(Status::kOk, "text").whole_sections("raw/x.bundle").error().message() ==
        "raw/x.bundle: expected sections");
}
