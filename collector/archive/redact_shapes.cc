// Secrets that are known by their own form, wherever they stand.
#include <array>

#include "collector/archive/redact_rules.h"

namespace ec::redaction {

namespace {

bool is_alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_word(char c) { return is_alnum(c) || c == '_' || c == '-'; }

enum class Set { kUpperAlnum, kAlnum, kWord, kWordDots };

bool in_set(char c, Set set) {
  switch (set) {
    case Set::kUpperAlnum:
      return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
    case Set::kAlnum:
      return is_alnum(c);
    case Set::kWord:
      return is_word(c);
    case Set::kWordDots:
      return is_word(c) || c == '.';
  }
  return false;
}

struct Rule {
  std::string_view prefix, kind;
  size_t least;  // characters after the prefix
  Set set;
  bool keep_prefix = false;  // a URL: only what follows is secret
};

// The forms as their issuers document them; `least` leaves room for shorter ones of tests and older versions.
constexpr std::array kRules{
    Rule{"AKIA", "aws", 16, Set::kUpperAlnum},
    Rule{"ASIA", "aws", 16, Set::kUpperAlnum},
    Rule{"ghp_", "github", 16, Set::kAlnum},
    Rule{"gho_", "github", 16, Set::kAlnum},
    Rule{"ghu_", "github", 16, Set::kAlnum},
    Rule{"ghs_", "github", 16, Set::kAlnum},
    Rule{"ghr_", "github", 16, Set::kAlnum},
    Rule{"github_pat_", "github", 16, Set::kWord},
    Rule{"glpat-", "gitlab", 16, Set::kWord},
    Rule{"glptt-", "gitlab", 16, Set::kWord},
    Rule{"xoxb-", "slack", 8, Set::kWord},
    Rule{"xoxp-", "slack", 8, Set::kWord},
    Rule{"xoxa-", "slack", 8, Set::kWord},
    Rule{"xoxr-", "slack", 8, Set::kWord},
    Rule{"xoxs-", "slack", 8, Set::kWord},
    Rule{"xoxe-", "slack", 8, Set::kWord},
    Rule{"xoxe.", "slack", 8, Set::kWordDots},
    Rule{"xapp-", "slack", 8, Set::kWord},
    Rule{"AIza", "google", 30, Set::kWord},
    Rule{"ya29.", "google", 16, Set::kWord},
    Rule{"GOCSPX-", "google", 16, Set::kWord},
    Rule{"sk_live_", "stripe", 10, Set::kAlnum},
    Rule{"sk_test_", "stripe", 10, Set::kAlnum},
    Rule{"rk_live_", "stripe", 10, Set::kAlnum},
    Rule{"rk_test_", "stripe", 10, Set::kAlnum},
    Rule{"whsec_", "stripe", 16, Set::kAlnum},
    Rule{"sk-ant-", "api-key", 20, Set::kWord},
    Rule{"sk-proj-", "api-key", 20, Set::kWord},
    Rule{"sk-", "api-key", 40, Set::kAlnum},
    Rule{"npm_", "npm", 30, Set::kAlnum},
    Rule{"pypi-", "pypi", 40, Set::kWord},
    Rule{"SG.", "sendgrid", 40, Set::kWordDots},
    Rule{"hvs.", "vault", 20, Set::kWord},
    Rule{"hvb.", "vault", 20, Set::kWord},
    Rule{"dop_v1_", "digitalocean", 32, Set::kAlnum},
    Rule{"shpat_", "shopify", 24, Set::kAlnum},
    Rule{"dckr_pat_", "docker", 16, Set::kWord},
    Rule{"AGE-SECRET-KEY-1", "private-key", 40, Set::kUpperAlnum},
};

// Webhook addresses are secrets: who knows one may post.
struct Webhook {
  std::string_view prefix, kind;
};
constexpr std::array kWebhooks{
    Webhook{"hooks.slack.com/services/", "slack"},      Webhook{"hooks.slack.com/workflows/", "slack"},
    Webhook{"hooks.slack.com/triggers/", "slack"},      Webhook{"discord.com/api/webhooks/", "discord"},
    Webhook{"discordapp.com/api/webhooks/", "discord"},
};

size_t run_length(std::string_view text, Set set) {
  size_t length = 0;
  while (length < text.size() && in_set(text[length], set)) ++length;
  return length;
}

// RFC 7519: three dot-separated base64url parts, the first of which is {"… .
size_t jwt_length(std::string_view text) {
  size_t length = run_length(text, Set::kWordDots);
  std::string_view token = text.substr(0, length);
  size_t dot = token.find('.');
  if (dot == std::string_view::npos || dot < 10 || token.size() - dot < 10) return 0;
  return length;
}

// RFC 7468. A block whose end is missing goes as far as base64 does.
size_t private_key_length(std::string_view text) {
  constexpr std::string_view kDashes = "-----", kBegin = "-----BEGIN ", kEnd = "-----END ";
  if (!text.starts_with(kBegin)) return 0;
  size_t label_end = text.substr(0, 80).find(kDashes, kBegin.size());
  if (label_end == std::string_view::npos) return 0;
  std::string_view label = text.substr(kBegin.size(), label_end - kBegin.size());
  if (label.find("PRIVATE KEY") == std::string_view::npos) return 0;
  size_t body = label_end + kDashes.size();
  size_t next = text.find(kDashes, body);
  if (next != std::string_view::npos && text.substr(next).starts_with(kEnd)) {
    size_t close = text.substr(0, next + 80).find(kDashes, next + kEnd.size());
    return close == std::string_view::npos ? next + kEnd.size() : close + kDashes.size();
  }
  size_t end = body;
  while (end < text.size() &&
         (is_alnum(text[end]) || std::string_view("+/=\\\r\n\t :,-").find(text[end]) != std::string_view::npos))
    ++end;
  return end;
}

}  // namespace

const PairSet& shape_starts() {
  static constexpr PairSet kPairs = [] {
    PairSet pairs{};
    auto mark = [&](std::string_view prefix) {
      auto first = static_cast<unsigned char>(prefix[0]), second = static_cast<unsigned char>(prefix[1]);
      pairs[size_t{first} * 4 + second / 64] |= uint64_t{1} << second % 64;
    };
    for (const Rule& rule : kRules) mark(rule.prefix);
    for (const Webhook& hook : kWebhooks) mark(hook.prefix);
    for (std::string_view word : {"eyJ", "Bearer", "bearer", "BEARER", "Basic", "basic", "requirepass", "masterauth"})
      mark(word);
    return pairs;
  }();
  return kPairs;
}

bool is_basic_credentials(std::string_view word) {
  while (word.ends_with('=')) word.remove_suffix(1);
  if (word.size() < 4 || word.size() > 4096) return false;
  bool colon = false;
  unsigned bits = 0, have = 0;
  for (char c : word) {
    unsigned value;
    if (c >= 'A' && c <= 'Z')
      value = static_cast<unsigned>(c - 'A');
    else if (c >= 'a' && c <= 'z')
      value = static_cast<unsigned>(c - 'a' + 26);
    else if (c >= '0' && c <= '9')
      value = static_cast<unsigned>(c - '0' + 52);
    else if (c == '+' || c == '-')
      value = 62;
    else if (c == '/' || c == '_')
      value = 63;
    else
      return false;
    bits = bits << 6 | value;
    have += 6;
    if (have < 8) continue;
    have -= 8;
    unsigned byte = bits >> have & 0xff;
    if (byte < 0x20 || byte == 0x7f) return false;
    colon = colon || byte == ':';
  }
  return colon;
}

Shape shape_at(std::string_view text, size_t at) {
  std::string_view rest = text.substr(at);
  if (rest.starts_with("eyJ")) {
    size_t length = jwt_length(rest);
    return length ? Shape{{at, at + length}, "jwt"} : Shape{};
  }
  if (rest.starts_with("-----B")) {
    size_t length = private_key_length(rest);
    return length ? Shape{{at, at + length}, "private-key"} : Shape{};
  }
  for (const Rule& rule : kRules) {
    if (!rest.starts_with(rule.prefix)) continue;
    size_t length = run_length(rest.substr(rule.prefix.size()), rule.set);
    if (length >= rule.least) return Shape{{at, at + rule.prefix.size() + length}, rule.kind};
  }
  for (const Webhook& hook : kWebhooks) {
    if (!rest.starts_with(hook.prefix)) continue;
    size_t begin = at + hook.prefix.size(), end = begin;
    while (end < text.size() && (is_word(text[end]) || text[end] == '/')) ++end;
    if (end > begin) return Shape{{begin, end}, hook.kind};
  }
  return {};
}

std::string_view kind_of(std::string_view secret) {
  Shape shape = shape_at(secret, 0);
  // A shape that is only the start of a longer secret does not name it.
  if (!shape.kind.empty() && shape.span.begin == 0 && shape.span.end == secret.size()) return shape.kind;
  return "secret";
}

}  // namespace ec::redaction
