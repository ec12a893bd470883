// Which names announce a secret.
#include <algorithm>
#include <array>

#include "collector/archive/redact_rules.h"

namespace ec::redaction {

namespace {

constexpr size_t kLongestKey = 96;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A name in lower case without separators, and where its words begin: "dbPass_word" → "dbpassword", {0, 2, 6}.
struct Words {
  std::array<char, kLongestKey> letters;
  std::array<uint8_t, kLongestKey> begins;
  size_t length = 0, count = 0;

  explicit Words(std::string_view key) {
    if (key.size() > kLongestKey) key.remove_prefix(key.size() - kLongestKey);
    bool fresh = true;
    for (size_t i = 0; i < key.size(); ++i) {
      char c = key[i];
      if (!is_upper(c) && !is_lower(c) && !is_digit(c)) {
        fresh = true;
        continue;
      }
      if (is_upper(c) && i > 0 && is_lower(key[i - 1])) fresh = true;
      // "APIToken": the T begins a word, because a small letter follows it.
      if (is_upper(c) && i > 0 && is_upper(key[i - 1]) && i + 1 < key.size() && is_lower(key[i + 1])) fresh = true;
      if (fresh) begins[count++] = static_cast<uint8_t>(length);
      fresh = false;
      letters[length++] = lower(c);
    }
  }
  std::string_view all() const { return {letters.data(), length}; }
  std::string_view word(size_t i) const {
    size_t end = i + 1 < count ? begins[i + 1] : length;
    return all().substr(begins[i], end - begins[i]);
  }
  std::string_view last() const { return count ? word(count - 1) : std::string_view{}; }
};

template <size_t N>
bool one_of(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Anywhere in the name.
constexpr std::array<std::string_view, 24> kStems{
    "password",   "passwd",    "passwort",     "secret",    "apikey",     "accesskey",   "privatekey", "encryptionkey",
    "signingkey", "masterkey", "accountkey",   "sharedkey", "storagekey", "authkey",     "sshkey",     "hmackey",
    "credential", "sessionid", "sessiontoken", "jwt",       "passcode",   "requirepass", "masterauth", "ticketkey"};
// As a word of its own, or glued to the end: "accesstoken".
constexpr std::array<std::string_view, 9> kWholeWords{"token", "pwd",  "pass", "pw",    "psk",
                                                      "creds", "cred", "otp",  "bearer"};
constexpr std::array<std::string_view, 7> kWeakWords{"key", "sig", "signature", "session", "sid", "auth", "code"};
// What a name is about when it ends like this: a place, a number or a setting, not the secret.
constexpr std::array<std::string_view, 66> kAbout{
    "file", "path", "dir", "count", "size", "length", "len", "max", "min", "ttl", "type", "expiry", "expires",
    "timeout", "enabled", "required", "policy", "encryption", "age", "total", "seconds", "bytes", "errors", "endpoint",
    "limit", "rate", "buckets", "version", "provider", "source", "url", "uri", "name", "algorithm", "history", "status",
    "expired", "failures", "mode", "reuse", "prompt", "ms", "stdin", "fd", "interval", "dev",
    // units, and places in source code: "token.go:42"
    "service", "socket", "timer", "target", "mount", "slice", "scope", "conf", "so", "py", "go", "c", "h", "cc", "cpp",
    "js", "ts", "rb", "rs", "java"};

constexpr uint32_t three(const char (&letters)[4]) {
  return static_cast<uint32_t>(letters[0]) << 16 | static_cast<uint32_t>(letters[1]) << 8 |
         static_cast<uint32_t>(letters[2]);
}

// Whether a word of the tables above could be in the name: most names of the kernel are out here.
bool may_be_secret(std::string_view name) {
  uint32_t last = 0;
  for (char c : name) {
    last = (last << 8 | static_cast<uint32_t>(c | 0x20)) & 0xffffff;
    if ((last & 0xffff) == ('p' << 8 | 'w')) return true;
    switch (last) {
      case three("pas"):
      case three("psk"):
      case three("sec"):
      case three("ses"):
      case three("sig"):
      case three("sid"):
      case three("tok"):
      case three("key"):
      case three("aut"):
      case three("coo"):
      case three("cod"):
      case three("cre"):
      case three("jwt"):
      case three("bea"):
      case three("otp"):
        return true;
      default:
        break;
    }
  }
  return false;
}

bool has_secret_stem(const Words& words) {
  std::string_view all = words.all();
  for (std::string_view stem : kStems)
    if (all.find(stem) != std::string_view::npos) return true;
  if (all.ends_with("token") || all.ends_with("pwd")) return true;
  if (all.ends_with("pass") && !all.ends_with("bypass") && !all.ends_with("compass")) return true;  // "storepass"
  for (size_t i = 0; i < words.count; ++i)
    if (one_of(words.word(i), kWholeWords)) return true;
  return false;
}

}  // namespace

KeyKind key_kind(std::string_view key) {
  if (key.size() < 2 || !may_be_secret(key)) return KeyKind::kPlain;
  Words words(key);
  std::string_view all = words.all();
  std::string_view last = words.last();
  if (words.count > 1 && one_of(last, kAbout)) return KeyKind::kPlain;
  // "passwordfile", "tokenpath": glued together.
  if (all.ends_with("file") || all.ends_with("path")) return KeyKind::kPlain;
  if (all.ends_with("authorization")) return KeyKind::kAuthorization;
  if (last == "cookie" || last == "cookies" || last == "setcookie") return KeyKind::kCookie;  // not tcp_syncookies
  if (all.ends_with("passphrase")) return KeyKind::kPhrase;
  for (std::string_view plural : {"tokens", "secrets", "passwords", "credentials", "apikeys"})
    if (all.ends_with(plural)) return KeyKind::kPlural;
  if (has_secret_stem(words)) return KeyKind::kSecret;
  if (one_of(last, kWeakWords)) return KeyKind::kWeak;
  return KeyKind::kPlain;
}

bool looks_random(std::string_view value) {
  if (value.size() < 16) return false;
  bool digit = false, letter = false;
  for (char c : value) {
    if (is_digit(c))
      digit = true;
    else if (is_upper(c) || is_lower(c))
      letter = true;
    else if (std::string_view("+/=_-.~%").find(c) == std::string_view::npos)
      return false;
  }
  return digit && letter && value.find('/') != 0;
}

size_t placeholder_length(std::string_view text) {
  constexpr std::string_view kOpen = "[redacted:";
  if (!text.starts_with(kOpen)) return 0;
  size_t at = kOpen.size();
  while (at < text.size() && (is_lower(text[at]) || text[at] == '-')) ++at;
  if (at == kOpen.size() || at + 10 > text.size() || text[at] != ':' || text[at + 9] != ']') return 0;
  for (size_t i = at + 1; i < at + 9; ++i)
    if (!is_digit(text[i]) && !(text[i] >= 'a' && text[i] <= 'f')) return 0;
  return at + 10;
}

bool is_placeholder(std::string_view value) { return !value.empty() && placeholder_length(value) == value.size(); }

bool is_harmless_value(std::string_view value) {
  if (is_placeholder(value)) return true;
  if (value.size() <= 64 && value.starts_with("${") && value.ends_with("}")) return true;
  while (!value.empty() && std::string_view("<[('\"").find(value.front()) != std::string_view::npos)
    value.remove_prefix(1);
  while (!value.empty() && std::string_view(">])'\",;").find(value.back()) != std::string_view::npos)
    value.remove_suffix(1);
  bool letters = std::any_of(value.begin(), value.end(), [](char c) {
    return is_upper(c) || is_lower(c) || is_digit(c) || static_cast<unsigned char>(c) >= 0x80;
  });
  // "***", "....", "-": a mask. Eight and more signs may be somebody's idea of a password.
  if (!letters) return value.size() < 8 || value.find_first_not_of(value.front()) == std::string_view::npos;
  if (value.size() > 2 && value.find_first_not_of("xX*.") == std::string_view::npos) return true;
  constexpr std::array<std::string_view, 12> kWords{"true", "false", "null", "nil",      "none",   "yes",
                                                    "no",   "on",    "off",  "redacted", "hidden", "filtered"};
  if (value.size() > 9) return false;
  std::string word(value);
  std::transform(word.begin(), word.end(), word.begin(), lower);
  return one_of(std::string_view(word), kWords);
}

bool is_secret_value(KeyKind kind, std::string_view value) {
  if (is_harmless_value(value)) return false;
  switch (kind) {
    case KeyKind::kPlain:
      return false;
    case KeyKind::kWeak:
      return looks_random(value);
    case KeyKind::kPlural:
      return value.find_first_not_of("0123456789.,") != std::string_view::npos;
    default:
      return true;
  }
}

}  // namespace ec::redaction
