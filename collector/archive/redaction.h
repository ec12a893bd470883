// Secrets are replaced before bytes reach the disk. Same secret, same placeholder within one archive; the placeholder
// is keyed with a random key that is never stored, so it cannot be tried against guesses.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ec {

enum class Redact {
  kAuto,  // by the artifact's name: …/cmdline, …/environ, *.bundle (section by section), *.json, *.pb.gz, else text
  kText,  // log lines, kernel text, paths: tokens, key shapes, URLs with credentials, PEM blocks, JWTs …
  kCommandLine,  // NUL-separated arguments
  kEnvironment,  // NUL-separated NAME=value
  kJson,         // string values, with the name of their key in mind
  kPprof,        // profile.proto, gzip or not: the table of strings, each by what it is used for
  kNothing,      // numbers and kernel words only; the collector vouches for it
};

struct Redacted {
  std::string bytes;
  uint64_t count = 0;  // replacements
};

class Redactor {
 public:
  explicit Redactor(bool enabled);
  // `path` is the artifact path; only kAuto looks at it. Binary bytes that are no profile must be passed with kNothing.
  Redacted redact(Redact kind, std::string_view path, std::string bytes) const;
  // One line of text for messages and the terminal: text rules.
  std::string text(std::string_view line) const;
  bool enabled() const { return enabled_; }

 private:
  bool enabled_;
  std::string key_;
};

}  // namespace ec
