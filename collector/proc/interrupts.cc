#include "collector/proc/interrupts.h"

#include "collector/base/text.h"

namespace ec {

namespace {

std::string one_space(std::string_view text) {
  std::string joined;
  FieldCursor fields(text);
  while (auto word = fields.word()) {
    if (!joined.empty()) joined += ' ';
    joined += *word;
  }
  return printable_line(joined, 120);
}

}  // namespace

Result<std::vector<InterruptCount>> parse_interrupts(std::string_view where, std::string_view text) {
  std::vector<InterruptCount> interrupts;
  LineCursor lines(where, text);
  FieldCursor header(lines.next().value_or(""));
  size_t cpus = 0;
  while (auto word = header.word()) {
    if (!word->starts_with("CPU")) return tl::unexpected(lines.expected("a first line CPU0 CPU1 …"));
    ++cpus;
  }
  if (cpus == 0) return fail(ErrorCode::kTruncated, std::string(where), "expected a first line CPU0 CPU1 …");
  while (auto line = lines.next()) {
    FieldCursor fields(*line);
    auto name = fields.word();
    if (!name) continue;
    if (!name->ends_with(':')) return tl::unexpected(lines.expected("\"name: counts\""));
    InterruptCount interrupt;
    interrupt.name = printable_line(name->substr(0, name->size() - 1), 40);
    // ERR and MIS have one number, whatever the number of CPUs.
    for (size_t i = 0; i < cpus; ++i) {
      FieldCursor before = fields;
      auto value = fields.number<uint64_t>();
      if (!value) {
        if (i == 0 && !trim(before.rest()).empty()) return tl::unexpected(lines.expected("a count"));
        fields = before;
        break;
      }
      interrupt.total += *value;
    }
    interrupt.description = one_space(fields.rest());
    interrupts.push_back(std::move(interrupt));
  }
  return interrupts;
}

}  // namespace ec
