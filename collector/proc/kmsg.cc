#include "collector/proc/kmsg.h"

#include "collector/base/text.h"

namespace ec {

namespace {

constexpr size_t kLongestText = 1024;

// Undoes \x0a and the like: /dev/kmsg escapes unprintable bytes so.
std::string unescape_hex(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && text[i + 1] == 'x') {
      if (auto value = parse_number<unsigned>(text.substr(i + 2, 2), 16)) {
        plain += static_cast<char>(*value);
        i += 3;
        continue;
      }
    }
    plain += text[i];
  }
  return plain;
}

bool read_priority(std::string_view text, KmsgRecord& record) {
  auto priority = parse_number<uint32_t>(text);
  if (!priority) return false;
  record.level = static_cast<int>(*priority & 7);
  record.facility = static_cast<int>(*priority >> 3);
  return true;
}

// "6,339,5140900,-[,…];text"
bool read_record(std::string_view line, KmsgRecord& record) {
  size_t semicolon = line.find(';');
  if (semicolon == std::string_view::npos) return false;
  auto prefix = split(line.substr(0, std::min<size_t>(semicolon, 200)), ',');
  if (prefix.size() < 3 || !read_priority(prefix[0], record)) return false;
  auto microseconds = parse_number<uint64_t>(prefix[2]);
  if (!parse_number<uint64_t>(prefix[1]) || !microseconds) return false;
  record.seconds = static_cast<double>(*microseconds) / 1e6;
  record.has_time = true;
  record.text = printable_line(unescape_hex(line.substr(semicolon + 1)), kLongestText);
  return true;
}

// "<6>[    5.140900] text"; with printk caller "<6>[    5.140900][    T1] text"
bool read_syslog_line(std::string_view line, KmsgRecord& record) {
  if (!line.starts_with('<')) return false;
  size_t end = line.find('>');
  if (end == std::string_view::npos || end > 12 || !read_priority(line.substr(1, end - 1), record)) return false;
  line.remove_prefix(end + 1);
  if (line.starts_with('[')) {
    size_t close = line.find(']');
    auto seconds = close == std::string_view::npos ? std::nullopt : parse_double(trim(line.substr(1, close - 1)));
    if (seconds && *seconds >= 0 && *seconds < 1e12) {
      record.seconds = *seconds;
      record.has_time = true;
      line.remove_prefix(close + 1);
      if (line.starts_with('[') && (close = line.find(']')) != std::string_view::npos && close < 20)
        line.remove_prefix(close + 1);
      if (line.starts_with(' ')) line.remove_prefix(1);
    }
  }
  record.text = printable_line(line, kLongestText);
  return true;
}

}  // namespace

std::vector<KmsgRecord> parse_kmsg(std::string_view text) {
  std::vector<KmsgRecord> records;
  LineCursor lines("kmsg", text);
  while (auto line = lines.next()) {
    KmsgRecord record;
    if (read_record(*line, record) || read_syslog_line(*line, record)) {
      record.line = lines.line_number();
      records.push_back(std::move(record));
    } else if (!line->starts_with(' ') && !records.empty() && records.back().text.size() < kLongestText) {
      records.back().text += ' ' + printable_line(*line, kLongestText);
    }
  }
  return records;
}

}  // namespace ec
