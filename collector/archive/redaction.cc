#include "collector/archive/redaction.h"

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/random.h>

#include <algorithm>

#include "collector/archive/redact_rules.h"
#include "collector/base/bundle.h"
#include "collector/base/clock.h"
#include "collector/base/sha256.h"
#include "collector/base/unique_fd.h"

namespace ec {

namespace redaction {

std::string Placeholders::of(std::string_view secret) const {
  Digest digest = hmac_sha256(key_, secret);
  return fmt::format("[redacted:{}:{}]", kind_of(secret), to_hex(digest).substr(0, 8));
}

std::string Placeholders::replace(std::string_view bytes, const std::vector<Span>& places) const {
  std::string replaced;
  replaced.reserve(bytes.size() + places.size() * 24);
  size_t done = 0;
  for (const Span& place : places) {
    replaced += bytes.substr(done, place.begin - done);
    replaced += of(bytes.substr(place.begin, place.end - place.begin));
    done = place.end;
  }
  replaced += bytes.substr(done);
  return replaced;
}

}  // namespace redaction

namespace {

using redaction::Edit;
using redaction::Placeholders;
using redaction::Span;

std::string random_key() {
  std::string key(32, '\0');
  if (getrandom(key.data(), key.size(), 0) == static_cast<ssize_t>(key.size())) return key;
  UniqueFd device(open("/dev/urandom", O_RDONLY | O_CLOEXEC));
  if (device && read(device.get(), key.data(), key.size()) == static_cast<ssize_t>(key.size())) return key;
  // Without either (seccomp, an empty /dev): the kernel gave each process 16 random bytes at its start.
  if (auto* given = reinterpret_cast<const char*>(getauxval(AT_RANDOM))) key.assign(given, 16);
  return key + fmt::format("{}{}{}", wall_clock_ns(), Clock::now().time_since_epoch().count(), getpid());
}

Redact kind_by_name(std::string_view path) {
  std::string_view name = path.substr(path.rfind('/') + 1);  // npos + 1 == 0: all of it
  if (name == "cmdline") return Redact::kCommandLine;
  if (name == "environ") return Redact::kEnvironment;
  if (name.ends_with(".json") || name.ends_with(".jsonl")) return Redact::kJson;
  if (name.ends_with(".pb.gz")) return Redact::kPprof;
  return Redact::kText;
}

// Applies `rule` to each NUL-separated piece.
template <class Rule>
std::vector<Span> find_in_pieces(std::string_view bytes, Rule rule) {
  std::vector<Span> places, within;
  for (size_t begin = 0; begin < bytes.size();) {
    size_t end = std::min(bytes.find('\0', begin), bytes.size());
    within.clear();
    rule(bytes.substr(begin, end - begin), within);
    for (const Span& span : within) places.push_back({begin + span.begin, begin + span.end});
    begin = end + 1;
  }
  return places;
}

Redacted replaced(const Placeholders& placeholders, std::string bytes, const std::vector<Span>& places) {
  if (places.empty()) return {std::move(bytes), 0};
  return {placeholders.replace(bytes, places), places.size()};
}

Redacted redact_text(const Placeholders& placeholders, std::string bytes) {
  std::vector<Span> places;
  redaction::find_in_text(bytes, places);
  return replaced(placeholders, std::move(bytes), places);
}

Redacted redact_command_line(const Placeholders& placeholders, std::string bytes) {
  redaction::ArgumentRules rules;
  auto places =
      find_in_pieces(bytes, [&](std::string_view argument, std::vector<Span>& found) { rules.next(argument, found); });
  return replaced(placeholders, std::move(bytes), places);
}

Redacted redact_environment(const Placeholders& placeholders, std::string bytes) {
  auto places = find_in_pieces(bytes, redaction::find_in_environment_entry);
  return replaced(placeholders, std::move(bytes), places);
}

Redacted redact_json(const Placeholders& placeholders, std::string bytes) {
  std::vector<Edit> edits;
  Redacted result;
  size_t json_end = redaction::find_in_json(bytes, placeholders, edits, result.count);
  if (edits.empty() && json_end == bytes.size()) return {std::move(bytes), 0};
  // The text rules go on where the bytes stop being JSON, at the start of that member.
  while (!edits.empty() && edits.back().span.begin >= json_end) {
    edits.pop_back();
    --result.count;
  }
  size_t done = 0;
  for (const Edit& edit : edits) {
    result.bytes += std::string_view(bytes).substr(done, edit.span.begin - done);
    result.bytes += edit.text;
    done = edit.span.end;
  }
  result.bytes += std::string_view(bytes).substr(done, json_end - done);
  Redacted rest = redact_text(placeholders, bytes.substr(json_end));
  result.bytes += rest.bytes;
  result.count += rest.count;
  return result;
}

Redacted redact_pprof(const Placeholders& placeholders, std::string bytes) {
  uint64_t count = 0;
  auto left = redaction::redacted_pprof(bytes, placeholders, count);
  return {left ? std::move(*left) : std::move(bytes), count};
}

// Section by section, each by the rules of its own name.
Redacted redact_bundle(const Redactor& redactor, const std::string& bytes) {
  size_t whole = 0;
  std::vector<Section> sections = parse_bundle(bytes, &whole);
  Redacted result;
  result.bytes.reserve(bytes.size());
  auto text = [&](std::string_view line) {
    Redacted part = redactor.redact(Redact::kText, {}, std::string(line));
    result.count += part.count;
    return std::move(part.bytes);
  };
  for (Section& section : sections) {
    std::string name = text(section.name);
    if (section.failed) {
      section.error.detail = text(section.error.detail);
      append_failed_section(result.bytes, name, section.error);
    } else {
      Redacted part = redactor.redact(kind_by_name(section.name), {}, std::string(section.bytes));
      append_section(result.bytes, name, part.bytes);
      result.count += part.count;
    }
  }
  // What stands behind the last whole section was cut: still by the rules of its name.
  std::string_view rest = std::string_view(bytes).substr(whole);
  size_t header = rest.starts_with("==> ") ? rest.find('\n') : std::string_view::npos;
  Redact kind = Redact::kText;
  if (header != std::string_view::npos) {
    std::string_view line = rest.substr(4, header - 4);
    kind = kind_by_name(line.substr(0, line.substr(0, line.rfind(" <==")).rfind(' ')));
    result.bytes += text(rest.substr(0, header + 1));
    rest.remove_prefix(header + 1);
  }
  Redacted cut = redactor.redact(kind, {}, std::string(rest));
  result.bytes += cut.bytes;
  result.count += cut.count;
  return result;
}

}  // namespace

Redactor::Redactor(bool enabled) : enabled_(enabled), key_(random_key()) {}

Redacted Redactor::redact(Redact kind, std::string_view path, std::string bytes) const {
  if (!enabled_ || bytes.empty()) return {std::move(bytes), 0};
  if (kind == Redact::kAuto && path.ends_with(".bundle")) return redact_bundle(*this, std::move(bytes));
  if (kind == Redact::kAuto) kind = kind_by_name(path);
  Placeholders placeholders(key_);
  switch (kind) {
    case Redact::kText:
      return redact_text(placeholders, std::move(bytes));
    case Redact::kCommandLine:
      return redact_command_line(placeholders, std::move(bytes));
    case Redact::kEnvironment:
      return redact_environment(placeholders, std::move(bytes));
    case Redact::kJson:
      return redact_json(placeholders, std::move(bytes));
    case Redact::kPprof:
      return redact_pprof(placeholders, std::move(bytes));
    case Redact::kNothing:
    case Redact::kAuto:
      break;
  }
  return {std::move(bytes), 0};
}

std::string Redactor::text(std::string_view line) const { return redact(Redact::kText, {}, std::string(line)).bytes; }

}  // namespace ec
