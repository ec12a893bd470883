#include <catch2/catch.hpp>

#include "collector/archive/redaction.h"

using namespace ec;

namespace {

std::string redacted(std::string_view arguments) {
  std::string bytes(arguments);
  for (char& c : bytes)
    if (c == ' ') c = '\0';
  std::string clean = Redactor(true).redact(Redact::kCommandLine, "cmdline", bytes).bytes;
  for (char& c : clean)
    if (c == '\0') c = ' ';
  return clean;
}

}  // namespace

TEST_CASE("what -p means is up to the script, not to its interpreter") {
  for (const char* line : {"python3 svc.py -p s3cretvalue", "timeout 9 python3 svc.py -p s3cretvalue",
                           "java -jar app.jar -p s3cretvalue", "node /srv/app.js -p s3cretvalue",
                           "bash run.sh -p s3cretvalue"}) {
    CAPTURE(line, redacted(line));
    CHECK(redacted(line).find("s3cretvalue") == std::string::npos);
  }
  CHECK(redacted("python3 svc.py -p 8080") == "python3 svc.py -p 8080");
  CHECK(redacted("ssh host -p 2222") == "ssh host -p 2222");
  CHECK(redacted("mkdir -p build/dir") == "mkdir -p build/dir");
}
