#pragma once

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <string>

// The bytes of tests/fixtures/NAME.
inline std::string read_fixture(const std::string& name) {
  std::ifstream stream(std::string(EC_FIXTURES) + "/" + name, std::ios::binary);
  INFO("fixture " << name);
  REQUIRE(stream);
  return std::string((std::istreambuf_iterator<char>(stream)), {});
}
