#include "collector/report/terminal_writer.h"

#include <algorithm>

namespace ec {

Tone tone_of(Severity severity) {
  switch (severity) {
    case Severity::kCritical:
      return Tone::kAlarm;
    case Severity::kHigh:
      return Tone::kRed;
    case Severity::kMedium:
      return Tone::kYellow;
    case Severity::kLow:
      return Tone::kCyan;
    case Severity::kInfo:
      return Tone::kDim;
  }
  return Tone::kNone;
}

Tone tone_of(Figure::Mark mark) {
  return mark == Figure::Mark::kBad ? Tone::kRed : mark == Figure::Mark::kWarning ? Tone::kYellow : Tone::kNone;
}

void TerminalWriter::heading(std::string_view text) { line(text, Tone::kBold); }

void TerminalWriter::line(std::string_view text, Tone tone) {
  out_ += toned(clip(text, columns_), tone, colour_);
  out_ += '\n';
}

void TerminalWriter::item(std::string_view lead, std::string_view text, Tone tone, Tone text_tone) {
  size_t indent = display_width(lead);
  // On a very narrow terminal the text goes below its lead.
  if (columns_ != 0 && indent + 16 > columns_) {
    line(lead, tone);
    indent = std::min<size_t>(2, columns_ - 1);
    lead = {};
  }
  auto lines = wrap(text, columns_ == 0 ? 0 : columns_ - indent);
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i == 0 && !lead.empty())
      out_ += toned(lead, tone, colour_);
    else
      out_ += std::string(indent, ' ');
    out_ += toned(lines[i], text_tone, colour_);
    out_ += '\n';
  }
}

}  // namespace ec
