#include "collector/profile/heap_text.h"

#include <charconv>

#include "collector/base/text.h"
#include "collector/profile/heap_scale.h"
#include "collector/profile/legacy_maps.h"
#include "collector/profile/legacy_profile.h"

namespace ec {

namespace {

// "N: B [N: B] @ rest"
struct Row {
  HeapAmount in_use, allocated;
  std::string_view rest;
};

bool take_character(std::string_view& text, char wanted) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  if (!text.starts_with(wanted)) return false;
  text.remove_prefix(1);
  return true;
}

bool take_number(std::string_view& text, int64_t& number) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc{}) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

std::optional<Row> parse_row(std::string_view line) {
  Row row;
  auto take_amount = [&](HeapAmount& amount) {
    return take_number(line, amount.count) && take_character(line, ':') && take_number(line, amount.bytes);
  };
  if (!take_amount(row.in_use) || !take_character(line, '[') || !take_amount(row.allocated) ||
      !take_character(line, ']') || !take_character(line, '@'))
    return std::nullopt;
  row.rest = trim(line);
  return row;
}

struct Header {
  int64_t period = 1;
  bool sampled = false, has_allocated = false;
};

// `kind`: "heap_v2/524288", "heap/1048576", "heapprofile", "growthz".
std::optional<Header> parse_header(std::string_view title) {
  constexpr std::string_view kTitle = "heap profile:";
  size_t at = title.find(kTitle);
  if (at == std::string_view::npos) return std::nullopt;
  auto row = parse_row(title.substr(at + kTitle.size()));
  if (!row) return std::nullopt;
  size_t slash = row->rest.find('/');
  std::string_view kind = row->rest.substr(0, slash);
  int64_t rate = 0;
  if (slash != std::string_view::npos) {
    auto number = parse_number<int64_t>(trim(row->rest.substr(slash + 1)));
    if (!number) return std::nullopt;
    rate = *number;
  }
  Header header;
  auto differs = [](int64_t all, int64_t now) { return all != now && all != 0; };
  header.has_allocated =
      differs(row->allocated.count, row->in_use.count) || differs(row->allocated.bytes, row->in_use.bytes);
  if (kind == "heap_v2" || kind == "heapz_v2") {
    header.period = rate;
    header.sampled = true;
  } else if (kind == "heap") {
    header.period = rate / 2;  // the first version wrote twice the rate
    header.sampled = true;
  } else if (kind.starts_with("growth") || kind.starts_with("fragmentation")) {
    header.has_allocated = false;
  } else if (kind != "heapprofile") {
    return std::nullopt;
  }
  return header;
}

void add(LegacyProfile& profile, const Header& header, const Row& row, std::span<const uint64_t> addresses) {
  auto real = [&](HeapAmount amount) { return header.sampled ? unsampled(amount, header.period) : amount; };
  HeapAmount allocated = real(row.allocated), in_use = real(row.in_use);
  const int64_t values[] = {allocated.count, allocated.bytes, in_use.count, in_use.bytes};
  auto size = block_size(row.in_use);
  if (!size && header.has_allocated) size = block_size(row.allocated);
  profile.sample(addresses, AddressKind::kReturns, std::span(values).subspan(header.has_allocated ? 0 : 2),
                 size.value_or(0));
}

}  // namespace

Result<OwnedPprof> parse_heap_text(std::string_view where, std::string_view text) {
  LineCursor lines(where, text);
  auto title = lines.next();
  auto header = parse_header(title.value_or(""));
  if (!header) return tl::unexpected(lines.expected("'heap profile: N: B [N: B] @ heap_v2/RATE' or another kind"));
  LegacyProfile profile;
  if (header->has_allocated) {
    profile.sample_type("alloc_objects", "count");
    profile.sample_type("alloc_space", "bytes");
  }
  profile.sample_type(header->has_allocated ? "inuse_objects" : "objects", "count");
  profile.sample_type(header->has_allocated ? "inuse_space" : "space", "bytes");
  profile.period_type("space", "bytes", header->period);
  std::vector<uint64_t> addresses;
  while (auto raw = lines.next()) {
    auto line = trim(without_log_prefix(*raw));
    if (starts_legacy_maps(line)) {
      size_t end = static_cast<size_t>(raw->data() + raw->size() - text.data());
      return std::move(profile).finish(where, text.substr(end));
    }
    if (auto frame = parse_go_text_frame(line)) profile.name(*frame);
    if (line.empty() || line.starts_with('#')) continue;
    auto row = parse_row(line);
    if (!row || !read_addresses(row->rest, addresses)) return tl::unexpected(lines.expected("'N: B [N: B] @ 0x…'"));
    add(profile, *header, *row, addresses);
  }
  return std::move(profile).finish(where, "");
}

}  // namespace ec
