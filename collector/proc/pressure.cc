#include "collector/proc/pressure.h"

#include <cmath>

#include "collector/base/text.h"

namespace ec {

namespace {

bool read_percent(FieldCursor& fields, std::string_view key, double& percent) {
  auto field = fields.word();
  if (!field || !field->starts_with(key)) return false;
  auto value = parse_double(field->substr(key.size()));
  if (!value || !std::isfinite(*value) || *value < 0) return false;
  percent = *value;
  return true;
}

bool read_total(FieldCursor& fields, uint64_t& total_us) {
  constexpr std::string_view kKey = "total=";
  auto field = fields.word();
  if (!field || !field->starts_with(kKey)) return false;
  auto value = parse_number<uint64_t>(field->substr(kKey.size()));
  if (!value) return false;
  total_us = *value;
  return true;
}

}  // namespace

Result<PressureFile> parse_pressure(std::string_view where, std::string_view text) {
  PressureFile file;
  LineCursor lines(where, text);
  while (auto line = lines.next()) {
    FieldCursor fields(*line);
    auto kind = fields.word();
    if (!kind || (*kind != "some" && *kind != "full")) continue;
    StallLine stall;
    if (!read_percent(fields, "avg10=", stall.avg10) || !read_percent(fields, "avg60=", stall.avg60) ||
        !read_percent(fields, "avg300=", stall.avg300) || !read_total(fields, stall.total_us))
      return tl::unexpected(lines.expected("avg10=P avg60=P avg300=P total=N"));
    (*kind == "some" ? file.some : file.full) = stall;
  }
  if (!file.some && !file.full) return fail(ErrorCode::kTruncated, std::string(where), "expected a line some or full");
  return file;
}

}  // namespace ec
