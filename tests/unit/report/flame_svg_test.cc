#include "collector/report/flame_svg.h"

#include <catch2/catch.hpp>

using namespace ec;

TEST_CASE("a flame graph shows names and shares, and hostile names do no harm") {
  std::string svg = flame_svg("t", {{{"main", "</text><script>x</script>"}, 3}, {{"main", "idle"}, 1}});
  CHECK(svg.find("<script") == std::string::npos);
  CHECK(svg.find("&lt;script&gt;") != std::string::npos);
  CHECK(svg.find("<title>idle: 1 (25.0 %)</title>") != std::string::npos);
  CHECK(svg.find("<title>main: 4 (100.0 %)</title>") != std::string::npos);
  CHECK(svg.ends_with("</svg>\n"));
}

TEST_CASE("what is too thin or too deep is left out") {
  std::vector<WeightedStack> stacks{{{"wide"}, 100'000}, {{"thin"}, 1}};
  CHECK(flame_svg("t", stacks).find("frames below 0.1 % are left out") != std::string::npos);
  std::vector<std::string> deep(10'000, "f");
  CHECK(flame_svg("t", {{deep, 1}}).size() < 200'000);
  CHECK(flame_svg("t", {}).ends_with("</svg>\n"));
}
