// The rules behind Redactor, private to this layer. A rule finds the places of secrets and changes nothing;
// redaction.cc puts placeholders there. When in doubt about what stands after a secret-looking key, it is a secret.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ec::redaction {

struct Span {
  size_t begin = 0, end = 0;  // bytes [begin, end)
};

enum class KeyKind {
  kPlain,
  kWeak,    // "key", "sig", "session" …: only values that look random are secrets
  kPlural,  // "tokens": strings are secrets, numbers are counts
  kSecret,
  kPhrase,         // secrets with spaces in them: "passphrase"
  kAuthorization,  // a scheme, then the secret
  kCookie,         // everything up to the end of the header
};
// By the words in it: "DB_PASSWORD", "dbPassword", "x-api-key", "--auth-token" (dashes and all).
KeyKind key_kind(std::string_view key);

// Letters and digits mixed, at least 16 of them.
bool looks_random(std::string_view value);
// Nothing, a mask ("****", "<hidden>"), a word like true or null, or a placeholder of ours: no secret.
bool is_harmless_value(std::string_view value);
// "[redacted:KIND:xxxxxxxx]" and nothing else.
bool is_placeholder(std::string_view value);
// Length of the placeholder that `text` starts with, 0 when it starts with none.
size_t placeholder_length(std::string_view text);
// Whether a value after a key of this kind is to be hidden.
bool is_secret_value(KeyKind kind, std::string_view value);

// A secret that is known by its own form: "AKIA…", "ghp_…", a JWT. `at` must be the start of a word.
struct Shape {
  Span span;
  std::string_view kind;  // "" = none there
};
Shape shape_at(std::string_view text, size_t at);
// One bit for each pair of bytes that a shape, or another word with a rule of its own, starts with: bit `second % 64`
// of element `first * 4 + second / 64`.
using PairSet = std::array<uint64_t, 1024>;
const PairSet& shape_starts();
// KIND of the placeholder: depends on nothing but the secret, so that the same secret has the same placeholder
// everywhere.
std::string_view kind_of(std::string_view secret);
// Base64 of "user:password".
bool is_basic_credentials(std::string_view word);

// Places in text, in order, without overlap.
void find_in_text(std::string_view text, std::vector<Span>& found);
// Places in the value of an Authorization header, which begins with its scheme. `found` must be empty.
void find_in_authorization(std::string_view value, std::vector<Span>& found);

// Walks over the arguments of one command, the program first.
class ArgumentRules {
 public:
  // Places in this argument.
  void next(std::string_view argument, std::vector<Span>& found);

 private:
  enum class Expect { kNothing, kSecret, kUserAndPassword, kHeader, kPasswordUnlessPort };
  void option(std::string_view argument, std::vector<Span>& found);
  bool expected_value(std::string_view argument, std::vector<Span>& found);
  bool short_option(std::string_view argument, std::vector<Span>& found);
  static void hide_authorization(std::string_view argument, std::vector<Span>& found);

  bool first_ = true;
  std::string program_;
  bool interpreter_ = false;  // its first plain argument is the program that takes the options behind it
  Expect expect_ = Expect::kNothing;
  KeyKind expected_kind_ = KeyKind::kSecret;  // condition: expect_ == kSecret
};

// Places in one "NAME=value".
void find_in_environment_entry(std::string_view entry, std::vector<Span>& found);
bool is_harmless_environment_name(std::string_view name);

// A replacement that is not a placeholder alone: JSON strings with escapes.
struct Edit {
  Span span;
  std::string text;
};

class Placeholders;
// Walks over JSON documents, one or several; what was valid JSON stays valid. Gives how far the bytes are JSON: their
// size when all of them are, else the start of the member or element that is not. Edits are in order.
size_t find_in_json(std::string_view json, const Placeholders& placeholders, std::vector<Edit>& edits, uint64_t& count);

// What is left of a profile as it was served: gzip or not, whole or not; nothing when all of it may stay. Bytes that
// are no profile go by the rules of text. What cannot be read is left out.
std::optional<std::string> redacted_pprof(std::string_view served, const Placeholders& placeholders, uint64_t& count);

// Names secrets with the key of this run.
class Placeholders {
 public:
  explicit Placeholders(std::string_view key) : key_(key) {}
  std::string of(std::string_view secret) const;
  // `bytes` with a placeholder at each place.
  std::string replace(std::string_view bytes, const std::vector<Span>& places) const;

 private:
  std::string_view key_;
};

}  // namespace ec::redaction
