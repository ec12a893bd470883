#include "collector/proc/utmp.h"

#include "collector/base/bytes.h"
#include "collector/base/text.h"

namespace ec {

namespace {

std::string text_of(std::string_view field) { return printable_line(field.substr(0, field.find('\0')), 256); }

}  // namespace

std::vector<UtmpRecord> parse_utmp(std::string_view bytes, bool wide_times) {
  const size_t size = wide_times ? 400 : 384;
  std::vector<UtmpRecord> records;
  ByteCursor all(bytes);
  while (auto one = all.take(size)) {
    ByteCursor cursor(*one);
    UtmpRecord record;
    record.type = cursor.read<int16_t>().value_or(0);
    cursor.skip(2);
    record.pid = cursor.read<int32_t>().value_or(0);
    record.line = text_of(cursor.take(32).value_or(""));
    cursor.skip(4);  // ut_id
    record.user = text_of(cursor.take(32).value_or(""));
    record.host = text_of(cursor.take(256).value_or(""));
    cursor.skip(4);  // ut_exit
    if (wide_times) {
      cursor.skip(8);  // ut_session is 64 bits wide there
      record.since = cursor.read<int64_t>().value_or(0);
    } else {
      cursor.skip(4);
      record.since = cursor.read<int32_t>().value_or(0);
    }
    records.push_back(std::move(record));
  }
  return records;
}

bool utmp_has_wide_times(std::string_view machine) {
  return machine.starts_with("aarch64") || machine.starts_with("riscv64") || machine.starts_with("loongarch64");
}

SessionFile parse_session_file(std::string_view text) {
  SessionFile session;
  LineCursor lines("session", text);
  while (auto line = lines.next()) {
    size_t equals = line->find('=');
    if (equals == std::string_view::npos) continue;
    std::string_view name = line->substr(0, equals), value = trim(line->substr(equals + 1));
    if (name == "USER") session.user = printable_line(value, 256);
    if (name == "TTY") session.terminal = printable_line(value, 64);
    if (name == "REMOTE_HOST") session.from = printable_line(value, 256);
    if (name == "CLASS") session.session_class = printable_line(value, 64);
    if (name == "STATE") session.state = printable_line(value, 64);
    if (name == "REALTIME") session.since = parse_number<int64_t>(value).value_or(0) / 1'000'000;
  }
  return session;
}

}  // namespace ec
