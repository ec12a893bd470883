// What a Go program served, from tests/fixtures/go-pprof.
#pragma once

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <string>

#include "collector/profile/gzip.h"

namespace ec::test {

constexpr const char* kGoProfiles[] = {"goroutine.pb.gz", "heap.pb.gz", "mutex.pb.gz", "profile.pb.gz"};

inline std::string go_fixture(const std::string& name) {
  std::ifstream file(std::string(EC_FIXTURES) + "/go-pprof/" + name, std::ios::binary);
  REQUIRE(file.good());
  return std::string(std::istreambuf_iterator<char>(file), {});
}

inline std::string unpacked_go_fixture(const std::string& name) {
  auto bytes = gunzip(name, go_fixture(name), 1 << 20);
  REQUIRE(bytes);
  return std::move(*bytes);
}

}  // namespace ec::test
