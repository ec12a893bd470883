#include "collector/profile/goroutines.h"

#include <algorithm>
#include <map>
#include <optional>

#include "collector/base/text.h"
#include "collector/profile/go_text_frame.h"

namespace ec {

namespace {

constexpr size_t kLongestName = 300;
constexpr size_t kMostFrames = 256;  // Go cuts stacks at 128 by itself

// Stacks that differ only in addresses are one group for a reader.
class Groups {
 public:
  void add(uint64_t count, std::vector<std::string> functions) {
    if (total_ + count < total_) count = UINT64_MAX - total_;
    total_ += count;
    by_functions_[std::move(functions)] += count;
  }
  uint64_t total() const { return total_; }
  std::vector<GoroutineStacks> largest_first() {
    std::vector<GoroutineStacks> groups;
    groups.reserve(by_functions_.size());
    while (!by_functions_.empty()) {
      auto node = by_functions_.extract(by_functions_.begin());
      groups.push_back({node.mapped(), std::move(node.key())});
    }
    std::stable_sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) { return a.count > b.count; });
    return groups;
  }

 private:
  uint64_t total_ = 0;
  std::map<std::vector<std::string>, uint64_t> by_functions_;
};

// "3 @ 0x43a1b6 0x4061f3" → 3.
std::optional<uint64_t> group_count(std::string_view line) {
  FieldCursor fields(line);
  auto count = fields.number<uint64_t>();
  auto at = fields.word();
  if (!count || !at || *at != "@") return std::nullopt;
  return count;
}

}  // namespace

Result<Goroutines> goroutines_of(std::string_view where, const Pprof& profile) {
  size_t column = profile.sample_types.size();
  for (size_t i = 0; i < profile.sample_types.size(); ++i)
    if (profile.strings[profile.sample_types[i].type] == "goroutine") column = i;
  if (column == profile.sample_types.size())
    return fail(ErrorCode::kMalformed, std::string(where), "expected a sample type \"goroutine\"");
  Groups groups;
  for (const PprofSample& sample : profile.samples) {
    int64_t count = profile.values[sample.values.first + column];
    if (count <= 0) continue;
    std::vector<std::string> functions;
    for (size_t i = 0; i < sample.locations.count && functions.size() < kMostFrames; ++i) {
      const PprofLocation& location = profile.locations[profile.stack[sample.locations.first + i]];
      for (size_t j = 0; j < location.lines.count && functions.size() < kMostFrames; ++j) {
        const PprofLine& line = profile.lines[location.lines.first + j];
        functions.push_back(printable_line(profile.strings[profile.functions[line.function].name], kLongestName));
      }
      if (location.lines.count == 0) functions.push_back(fmt::format("{:#x}", location.address));
    }
    groups.add(static_cast<uint64_t>(count), std::move(functions));
  }
  Goroutines result{groups.total(), {}};
  result.groups = groups.largest_first();
  return result;
}

Result<Goroutines> parse_goroutine_text(std::string_view where, std::string_view text) {
  constexpr std::string_view kHeader = "goroutine profile: total ";
  LineCursor lines(where, text);
  auto header = lines.next();
  if (!header || !header->starts_with(kHeader)) return tl::unexpected(lines.expected("'goroutine profile: total N'"));
  auto total = parse_number<uint64_t>(trim(header->substr(kHeader.size())));
  if (!total) return tl::unexpected(lines.expected("a count after 'total'"));

  Groups groups;
  std::optional<uint64_t> count;
  std::vector<std::string> functions;
  auto finish = [&] {
    if (count) groups.add(*count, std::move(functions));
    count.reset();
    functions.clear();
  };
  while (auto line = lines.next()) {
    if (trim(*line).empty()) {
      finish();
    } else if (line->starts_with("#")) {
      if (!count) return tl::unexpected(lines.expected("'COUNT @ ADDRESS …' before its frames"));
      if (line->starts_with("# labels:")) continue;
      auto frame = parse_go_text_frame(*line);
      if (!frame) return tl::unexpected(lines.expected("'#', an address, a function"));
      if (functions.size() < kMostFrames)
        functions.push_back(frame->function.empty() ? fmt::format("{:#x}", frame->address)
                                                    : printable_line(frame->function, kLongestName));
    } else {
      finish();
      count = group_count(*line);
      if (!count) return tl::unexpected(lines.expected("'COUNT @ ADDRESS …'"));
    }
  }
  finish();
  if (groups.total() < *total)
    return fail(ErrorCode::kTruncated, fmt::format("{}:{}", where, lines.line_number()),
                fmt::format("{} of {} goroutines, expected more groups", groups.total(), *total));
  Goroutines result{*total, {}};
  result.groups = groups.largest_first();
  return result;
}

std::string_view wait_of(const std::vector<std::string>& functions) {
  struct Row {
    std::string_view function, words;
  };
  // Outer functions first: a mutex waits in a semaphore, which waits in gopark. Names as of Go 1.12 to 1.24.
  static constexpr Row kRows[] = {
      {"sync.(*RWMutex).Lock", "sync.RWMutex.Lock"},
      {"sync.(*RWMutex).RLock", "sync.RWMutex.RLock"},
      {"sync.(*Mutex).Lock", "sync.Mutex.Lock"},
      {"sync.(*Mutex).lockSlow", "sync.Mutex.Lock"},
      {"internal/sync.(*Mutex).Lock", "sync.Mutex.Lock"},
      {"internal/sync.(*Mutex).lockSlow", "sync.Mutex.Lock"},
      {"sync.(*WaitGroup).Wait", "sync.WaitGroup.Wait"},
      {"sync.(*Cond).Wait", "sync.Cond.Wait"},
      {"runtime.chanrecv", "chan receive"},
      {"runtime.chanrecv1", "chan receive"},
      {"runtime.chanrecv2", "chan receive"},
      {"runtime.chansend", "chan send"},
      {"runtime.chansend1", "chan send"},
      {"runtime.selectgo", "select"},
      {"runtime.block", "select (no cases)"},
      {"runtime.netpollblock", "IO wait"},
      {"internal/poll.runtime_pollWait", "IO wait"},
      {"time.Sleep", "sleep"},
      {"runtime.semacquire1", "semacquire"},
      {"runtime.semacquire", "semacquire"},
      {"runtime.notetsleepg", "notetsleepg"},
      {"syscall.Syscall", "syscall"},
      {"syscall.Syscall6", "syscall"},
      {"internal/runtime/syscall.Syscall6", "syscall"},
      {"runtime/internal/syscall.Syscall6", "syscall"},
  };
  constexpr size_t kInnermost = 10;
  for (const Row& row : kRows)
    for (size_t i = 0; i < std::min(functions.size(), kInnermost); ++i)
      if (functions[i] == row.function) return row.words;
  return {};
}

}  // namespace ec
