#include "collector/proc/mountinfo.h"

#include "collector/base/text.h"

namespace ec {

namespace {

bool take_text(FieldCursor& fields, std::string& text) {
  auto word = fields.word();
  if (word) text = unescape_octal(*word);
  return word.has_value();
}

bool parse_line(std::string_view line, MountEntry& entry) {
  FieldCursor fields(line);
  auto id = fields.number<int>(), parent = fields.number<int>();
  auto device = fields.word();
  if (!id || !parent || !device) return false;
  size_t colon = device->find(':');
  if (colon == std::string_view::npos) return false;
  auto major = parse_number<uint32_t>(device->substr(0, colon));
  auto minor = parse_number<uint32_t>(device->substr(colon + 1));
  if (!major || !minor) return false;
  entry.id = *id;
  entry.parent = *parent;
  entry.device_major = *major;
  entry.device_minor = *minor;
  if (!take_text(fields, entry.root) || !take_text(fields, entry.mount_point) || !take_text(fields, entry.options))
    return false;
  while (true) {
    auto optional = fields.word();
    if (!optional) return false;
    if (*optional == "-") break;
    if (!entry.propagation.empty()) entry.propagation += ' ';
    entry.propagation += *optional;
  }
  if (!take_text(fields, entry.type)) return false;
  // The source may be empty: mount(2) takes "" and the kernel then prints nothing between two spaces.
  std::string_view rest = fields.rest();
  if (rest.starts_with("  ")) {
    entry.super_options = unescape_octal(trim(rest));
    return true;
  }
  if (!take_text(fields, entry.source)) return false;
  take_text(fields, entry.super_options);
  return true;
}

}  // namespace

Result<std::vector<MountEntry>> parse_mountinfo(std::string_view where, std::string_view text) {
  std::vector<MountEntry> entries;
  LineCursor lines(where, text);
  while (auto line = lines.next()) {
    if (!parse_line(*line, entries.emplace_back()))
      return tl::unexpected(lines.expected("id parent major:minor root mount-point options … - type source options"));
  }
  return entries;
}

}  // namespace ec
